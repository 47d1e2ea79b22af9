"""Samples per second of voices on this machine."""

import os
from typing import Annotated, Any

import typer


def bench(
    voice: Annotated[list[str] | None, typer.Option(help="A name or a checkpoint; repeat for more.")] = None,
    threads: Annotated[list[int] | None, typer.Option(help="Torch threads; repeat for more.", min=1)] = None,
    batch: Annotated[
        list[int] | None, typer.Option(help="Utterances at once; repeat for more.", min=1)
    ] = None,
    seconds: Annotated[float, typer.Option(help="Of audio, each utterance.", min=0.1, max=600)] = 6.0,
    runs: Annotated[int, typer.Option(help="Repetitions, of which the median counts.", min=1)] = 10,
    device: Annotated[str, typer.Option(help="cpu, or cuda.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not the table.")] = False,
) -> None:
    """Samples per second, times real time and first audio of every voice, by threads and batch.

    Examples:
      vocoder bench
      vocoder bench --voice student --threads 1 --threads 2 --batch 1 --batch 8 --json
    """
    from datetime import UTC, datetime
    from itertools import product

    from rich.console import Console

    from vocoder.bench.speed import measure_speed
    from vocoder.checkpoints import load, voice_paths
    from vocoder.commands.console import print_json, progress
    from vocoder.evaluation.report import machine, versions

    names = voice or list(voice_paths())
    grid = list(product(names, threads or sorted({1, os.cpu_count() or 1}), batch or [1]))
    rows: list[dict[str, Any]] = []
    with progress("measuring", len(grid)) as advance:
        for name, count, size in grid:
            speed = measure_speed(
                load(name, device=device), threads=count, batch=size, seconds=seconds, runs=runs
            )
            rows.append({"voice": name, "device": device, **speed._asdict()})
            advance(1)
    if as_json:
        date = datetime.now(UTC).isoformat(timespec="seconds")
        print_json({"date": date, "machine": machine(), "versions": versions(), "rows": rows})
    else:
        Console().print(_table(rows))


def _table(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(title="Median over the runs (slowest … fastest)")
    for heading in ("voice", "threads", "batch", "thousand samples/s", "× real time", "first audio ms"):
        table.add_column(heading, justify="left" if heading == "voice" else "right")
    for row in rows:
        spread = f"{row['slowest'] / 1e3:.0f} … {row['fastest'] / 1e3:.0f}"
        table.add_row(
            row["voice"],
            str(row["threads"]),
            str(row["batch"]),
            f"{row['samples_per_second'] / 1e3:.0f} ({spread})",
            f"{row['times_real_time']:.1f}",
            f"{row['first_block_ms']:.1f}",
        )
    return table
