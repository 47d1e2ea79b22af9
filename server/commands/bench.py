"""Samples per second through HTTP: `vocoder bench http`."""

from pathlib import Path
from typing import Annotated

import typer


def http(
    voice: Annotated[
        list[str] | None, typer.Option(help="A name; repeat for more. [default: student]")
    ] = None,
    streams: Annotated[
        list[int] | None,
        typer.Option(help="Requests at once; repeat for more. [default: 1 4]", min=1, max=64),
    ] = None,
    seconds: Annotated[float, typer.Option(help="Of audio, each utterance.", min=0.1, max=60)] = 6.0,
    rounds: Annotated[int, typer.Option(help="Of all streams.", min=1, max=100)] = 5,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="JSON file, as docs/benchmarks/http-cpu.json.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="End with JSON; the table goes to standard error.")
    ] = False,
) -> None:
    """Start a server on loopback; the same utterances from it and from an engine in this process, in turns.

    Overhead is the share of the throughput that HTTP costs. The audio is compared, too: to the 16-bit sample.

    Examples:
      vocoder bench http
      vocoder bench http --voice student --voice teacher --streams 8 --json
      vocoder bench http -o docs/benchmarks/http-cpu.json
    """
    import sys

    from rich.console import Console

    from server.load.throughput import measure_throughput
    from server.local import local_server
    from vocoder.bench.stamp import plain, stamp, write_json
    from vocoder.checkpoints import voice_path
    from vocoder.commands.bench_tables import http_table
    from vocoder.commands.console import print_json

    names, counts = voice or ["student"], streams or [1, 4]
    for name in names:
        voice_path(name)
    with local_server(sys.stderr, "--set", f"max_streams={max(8, *counts)}") as ready:
        url = ready()
        rows = [
            measure_throughput(url, name, count, seconds=seconds, rounds=rounds)
            for name in names
            for count in counts
        ]
    document = stamp() | {"rows": [plain(row) for row in rows]}
    if output is not None:
        write_json(output, document)
    Console(stderr=as_json).print(http_table(document))
    if as_json:
        print_json(document)
