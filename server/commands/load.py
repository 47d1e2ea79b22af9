"""Load a server: listeners in real time, the cost of HTTP, memory, batches."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def load(
    url: Annotated[
        str | None, typer.Option(help="Of a running server without keys. [default: one is started]")
    ] = None,
    voice: Annotated[str, typer.Option(help="Who speaks.")] = "student",
    streams: Annotated[
        list[int] | None, typer.Option(help="At once; repeat for more. [default: 1 2 4 8 16]", min=1)
    ] = None,
    transport: Annotated[
        list[str] | None, typer.Option(help="http, ws, ws-steady; repeat for more. [default: all]")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Of audio, each utterance.", min=0.1)] = 8.0,
    rounds: Annotated[int, typer.Option(help="Utterances of each listener.", min=1)] = 3,
    requests: Annotated[
        int, typer.Option(help="After which memory is compared; 0: not at all.", min=0)
    ] = 1000,
    pairs: Annotated[
        int, typer.Option(help="Of calls, of the library and over HTTP, to compare; 0: none.", min=0)
    ] = 60,
    batches: Annotated[bool, typer.Option(help="Measure batches.")] = True,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for load.json and load.md.")] = Path(
        "out/load"
    ),
) -> None:
    """Measure what a server does under load, and write the figures as JSON and as a page.

    Examples:
      vocoder load -o docs
      vocoder load --streams 4 --streams 8 --transport ws --requests 0 --pairs 0 --no-batches
      vocoder load --url http://127.0.0.1:8000 --voice universal
    """
    from contextlib import ExitStack

    from rich.console import Console

    from server.load import report
    from server.load.run import Plan, run
    from server.load.streams import TRANSPORTS
    from server.local import local_server
    from vocoder.errors import ConfigError

    chosen = transport or list(TRANSPORTS)
    if unknown := set(chosen) - set(TRANSPORTS):
        raise ConfigError(f"--transport {unknown.pop()}: choose {', '.join(TRANSPORTS)}")
    counts = streams or [1, 2, 4, 8, 16]
    plan = Plan(voice, counts, chosen, seconds, rounds, requests, pairs, batches)
    output.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        if url is None:
            log = stack.enter_context((output / "server.log").open("w"))
            most = max(8, *counts)
            url = stack.enter_context(local_server(log, "--set", f"max_streams={most}"))()
        sections = run(url, plan, Console(stderr=True).print)
    document = report.to_json(" ".join(["vocoder", *sys.argv[1:]]), sections)
    report.write(output, document)
    typer.echo(report.to_markdown(document))
