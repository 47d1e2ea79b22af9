"""Hear every voice: a recording to its mel, over HTTP, to out/demo."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from server.demo import Row


def demo(
    recording: Annotated[
        Path | None,
        typer.Argument(metavar="[AUDIO]", help="A recording. [default: one that ships with vocoder]"),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the WAVs and the picture.")
    ] = Path("out/demo"),
    as_json: Annotated[bool, typer.Option("--json", help="The table as JSON.")] = False,
) -> None:
    """Start a server, send it the mel of a recording for every installed voice, and compare what comes back.

    Writes the audio and one picture, and prints a table: speed over HTTP and closeness to the recording,
    beside Griffin-Lim from the same mel. The server is warm, and stopped at the end.

    Examples:
      vocoder demo
      vocoder demo speech.wav -o out/mine
      vocoder demo --json
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves by the usual way, which stops the server
    from rich.console import Console

    from server.local import local_server
    from vocoder.commands.console import print_json

    output.mkdir(parents=True, exist_ok=True)
    rows = []
    with (
        Console(stderr=True).status("starting the server") as status,
        (output / "server.log").open("w") as log,
        local_server(log) as ready,
    ):
        from server.demo import Row, run, to_json  # takes as long to import as the server to start

        for step in run(ready, recording, output):
            if isinstance(step, Row):
                rows.append(step)
            else:
                status.update(step)
    if as_json:
        print_json(to_json(rows))
    else:
        _print_table(rows, output)


def _print_table(rows: "list[Row]", output: Path) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from server.demo import REQUESTS

    caption = f"Speeds: median of {REQUESTS} requests to the warm server. MR-STFT: lower is closer."
    table = Table(caption=caption, box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("", no_wrap=True)
    for heading in (
        "audio\ns",
        "first\nbyte ms",
        "samples\n/s",
        "x real\ntime",
        "ESTOI",
        "MR-STFT",
        "PESQ-WB",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.name,
            f"{row.audio_seconds:.2f}",
            _number(row.first_byte_ms, ".0f"),
            _number(row.samples_per_second, ",.0f"),
            _number(row.times_real_time, ".1f"),
            _number(row.estoi, ".3f"),
            _number(row.mr_stft, ".3f"),
            _number(row.pesq_wb, ".2f"),
        )
    console = Console()
    console.print(table)
    console.print(f"Listen and look: {output}/", highlight=False)


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
