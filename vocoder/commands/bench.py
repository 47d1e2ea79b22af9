"""Samples per second of voices on this machine."""

from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from vocoder.commands.bench_models import lecture, lookahead, teacher, waveglow

MORE = "vocoder.commands.bench"
"""Entry points of subcommands that other packages add: functions."""
SECONDS, TURNS = 2.0, 5
"""Of audio, and of which the median counts: how a baseline is measured if nothing else is asked."""


class _Bench(TyperGroup):
    """`vocoder bench …` is `vocoder bench grid …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] != "--help"):
            args = ["grid", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_Bench)
for command in (lecture, lookahead, teacher, waveglow):
    app.command()(command)
for point in entry_points(group=MORE):
    app.command(point.name)(point.load())


@app.callback()
def _group() -> None:
    """Samples per second of voices on this machine.

    Examples:
      vocoder bench
      vocoder bench --voice student --threads 1 --batch 1 --batch 8
      vocoder bench grid --help
    """


@app.command()
def grid(
    voice: Annotated[list[str] | None, typer.Option(help="A name or a checkpoint; repeat for more.")] = None,
    threads: Annotated[
        list[int] | None, typer.Option(help="Torch threads; repeat for more. [default: 1, and all cores]")
    ] = None,
    precision: Annotated[
        list[str] | None,
        typer.Option(help="float32, bfloat16; on a GPU also tf32, float16. Repeat. [default: float32]"),
    ] = None,
    batch: Annotated[
        list[int] | None, typer.Option(help="Utterances at once; repeat for more. [default: 1]")
    ] = None,
    seconds: Annotated[
        list[float] | None, typer.Option(help="Of audio, each utterance; repeat for more. [default: 6]")
    ] = None,
    streams: Annotated[
        list[int] | None,
        typer.Option(help="At once through the engine; 0: none. Repeat for more. [default: 1 4]"),
    ] = None,
    runs: Annotated[int, typer.Option(help="Repetitions, of which the median counts.")] = 10,
    device: Annotated[str, typer.Option(help="cpu, or cuda.")] = "cpu",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="JSON file, as docs/benchmarks/speed-cpu.json.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="PNG file.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="End with JSON; the tables go to standard error.")
    ] = False,
) -> None:
    """Samples per second, first audio, memory and share of the machine's peak of every voice.

    Every combination of threads, precision, batch and seconds is measured: warmed up, the device waited for.
    A product of large matrices and a copy of memory are measured in the same run. Multiply-accumulates are
    counted (what is not: activations, interpolation, noise). "J / s": energy a second of audio, where the GPU
    tells.

    Examples:
      vocoder bench
      vocoder bench --voice student --threads 1 --batch 1 --batch 8 --seconds 2 --streams 16 --json
      vocoder bench -o docs/benchmarks/speed-cpu.json --picture docs/benchmarks/speed-cpu.png
    """
    from rich.console import Console

    from vocoder.bench.grid import GridConfig, run_grid
    from vocoder.bench.picture import draw_grid
    from vocoder.bench.stamp import write_json
    from vocoder.commands.bench_tables import grid_tables
    from vocoder.commands.console import print_json, progress
    from vocoder.config import parse_config

    given = {
        "voices": voice,
        "threads": threads,
        "precision": precision,
        "batch": batch,
        "seconds": seconds,
        "streams": None if streams is None else [count for count in streams if count],
    }
    values = {name: value for name, value in given.items() if value is not None}
    config = parse_config(GridConfig, values | {"runs": runs, "device": device}, "vocoder bench")
    with progress("measuring", config.steps) as advance:
        document = run_grid(config, lambda row: advance(1))
    if output is not None:
        write_json(output, document)
    if picture is not None:
        draw_grid(picture, document)
    for table in grid_tables(document):
        Console(stderr=as_json).print(table)
    if as_json:
        print_json(document)


@app.command()
def peers(
    voice: Annotated[list[str] | None, typer.Option(help="A name or a checkpoint; repeat for more.")] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(help="vocos, hifi-gan, griffin-lim, world; repeat for more. [default: all]"),
    ] = None,
    seconds: Annotated[float, typer.Option(help="Of audio.", min=0.1, max=600)] = 2.0,
    threads: Annotated[int, typer.Option(help="Torch threads.", min=1)] = 1,
    runs: Annotated[int, typer.Option(help="Turns, of which the median counts.", min=1)] = 5,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="JSON file, as docs/benchmarks/peers-cpu.json.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="End with JSON; the tables go to standard error.")
    ] = False,
) -> None:
    """Voices beside other vocoders, in turns on the CPU: one utterance, random weights at published sizes.

    Vocos, HiFi-GAN V1 and WORLD come with the extra `peers`; Griffin-Lim is always there.

    Examples:
      vocoder bench peers
      vocoder bench peers --voice student --peer vocos --threads 2 --json
      vocoder bench peers -o docs/benchmarks/peers-cpu.json
    """
    from rich.console import Console

    from vocoder.bench.peers import PACKAGES, PEERS, race
    from vocoder.bench.stamp import plain, stamp, write_json
    from vocoder.checkpoints import load, voice_paths
    from vocoder.commands.bench_tables import peer_tables
    from vocoder.commands.console import print_json

    names = voice or list(voice_paths())
    voices = {name: load(name) for name in names}
    found = race(voices, peer or list(PEERS), seconds=seconds, threads=threads, runs=runs)
    document = (
        stamp(packages=PACKAGES) | {"seconds": seconds, "threads": threads, "runs": runs} | plain(found)
    )
    if output is not None:
        write_json(output, document)
    for table in peer_tables(document):
        Console(stderr=as_json).print(table)
    if as_json:
        print_json(document)


@app.command()
def check(
    baseline: Annotated[Path, typer.Argument(help="JSON file.")] = Path("docs/benchmarks/baseline.json"),
    update: Annotated[bool, typer.Option(help="Measure several runs and write the file.")] = False,
    repeats: Annotated[int, typer.Option(help="Runs of --update.", min=2)] = 5,
    seconds: Annotated[
        float | None, typer.Option(help="Of audio, of --update. [default: 2]", min=0.1, max=60)
    ] = None,
    runs: Annotated[
        int | None,
        typer.Option(help="Turns, of which the median counts, of --update. [default: 5]", min=1),
    ] = None,
) -> None:
    """Compare ratios of speeds with a baseline's, never absolute times; fail beyond the noise that it states.

    Each voice to a product of matrices and to its peers, the teacher's compiled loop to a loop of torch
    operations, flows to other libraries' flows. Measured as the baseline was: as many seconds and turns. What
    cannot be measured here, say a peer that is not installed, is named and not checked.

    Examples:
      vocoder bench check docs/benchmarks/baseline.json
      vocoder bench check docs/benchmarks/baseline.json --update
    """
    from rich.console import Console

    from vocoder.bench.ratios import compare, measure, refuse, to_baseline
    from vocoder.bench.stamp import stamp, write_json
    from vocoder.commands.bench_tables import check_table
    from vocoder.commands.console import progress
    from vocoder.errors import VocoderError

    if update:
        asked = {"seconds": seconds or SECONDS, "turns": runs or TURNS}
        with progress("measuring", repeats) as advance:
            found = []
            for _ in range(repeats):
                found.append(measure(seconds=asked["seconds"], runs=int(asked["turns"])))
                advance(1)
        write_json(baseline, stamp() | asked | to_baseline(found))
        typer.echo(f"written: {baseline}")
        return
    known = _known(baseline, seconds, runs)
    here = measure(seconds=known["seconds"], runs=known["turns"])
    verdicts = compare(known, here.ratios)
    Console().print(check_table(verdicts))
    if missing := [verdict.name for verdict in verdicts if verdict.here is None]:
        typer.echo(f"not checked, as not measured here: {'; '.join(missing)}", err=True)
    if why := refuse(verdicts):
        raise VocoderError(f"{baseline}: {why}")


def _known(baseline: Path, seconds: float | None, turns: int | None) -> dict[str, Any]:
    """The file, where it was measured as is asked; a warning where that was on another processor."""
    import json

    from vocoder.errors import InputError
    from vocoder.evaluation.report import machine

    try:
        known: dict[str, Any] = json.loads(baseline.read_text())
        known |= {"seconds": float(known["seconds"]), "turns": int(known.get("turns", TURNS))}
        there, here = known["machine"]["processor"], machine()["processor"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{baseline}: {error}; write it with --update") from None
    for name, before, asked in (("seconds", known["seconds"], seconds), ("runs", known["turns"], turns)):
        if asked not in (None, before):
            raise InputError(
                f"--{name} {asked:g}: the baseline was measured with {before:g}; leave the option out, or "
                "write another baseline with --update"
            )
    if there != here:
        typer.echo(
            f"warning: the baseline was measured on {there}, this is {here}: ratios of speeds depend on the "
            "processor, so a change may be its doing",
            err=True,
        )
    return known


@app.command()
def page(
    folder: Annotated[Path, typer.Option(help="Of the JSON files of the other commands.")] = Path(
        "docs/benchmarks"
    ),
    directions: Annotated[Path, typer.Option(help="Of vocoder flows directions.")] = Path(
        "docs/flows/directions.json"
    ),
    output: Annotated[Path, typer.Option("-o", "--output", help="The page.")] = Path("docs/benchmarks.md"),
) -> None:
    """Write docs/benchmarks.md: the lecture's tables, the grid, peers, HTTP, repeatability, as measured.

    Example:
      vocoder bench page
    """
    from vocoder.bench.lecture_page import write_page
    from vocoder.checkpoints import read_info, voice_paths

    figures = {}
    for name, path in voice_paths().items():
        for key, value in read_info(path).figures.items():
            if key == "ljspeech":
                figures[name] = value["systems"]
    typer.echo(f"page: {write_page(folder, directions, figures, output)}")
