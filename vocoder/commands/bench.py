"""Samples per second of voices on this machine."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer()


@app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
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
    if context.invoked_subcommand is not None:
        return
    from itertools import product

    from rich.console import Console

    from vocoder.bench.speed import measure_speed
    from vocoder.checkpoints import load, voice_paths
    from vocoder.commands.console import progress

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
        _print_json(rows)
    else:
        Console().print(_table(rows))


@app.command()
def waveglow(
    upstream: Annotated[
        Path, typer.Option(help="glow.py of your checkout of github.com/NVIDIA/waveglow; it is run.")
    ],
    config: Annotated[Path, typer.Option(help="Sizes.")] = Path("configs/model/waveglow/universal.yaml"),
    overrides: Annotated[list[str] | None, typer.Argument(help="key.path=value, for example flows=2")] = None,
    seconds: Annotated[float, typer.Option(help="Of audio.", min=0.1, max=600)] = 5.0,
    runs: Annotated[int, typer.Option(help="Turns, of which the median counts.", min=1)] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not the table.")] = False,
) -> None:
    """WaveGlow here beside NVIDIA's own code: CPU time of one thread, same weights, mel and noise, in turns.

    Example:
      git clone https://github.com/NVIDIA/waveglow
      vocoder bench waveglow --upstream waveglow/glow.py
    """
    from rich.console import Console

    from vocoder.bench.upstream_waveglow import compare
    from vocoder.config import read_config
    from vocoder.models import WaveGlowConfig

    result = compare(
        upstream, read_config(WaveGlowConfig, config, overrides or []), seconds=seconds, runs=runs
    )
    if as_json:
        _print_json([result._asdict()])
    else:
        Console().print(_comparison_table(result))


def _print_json(rows: list[dict[str, Any]]) -> None:
    from datetime import UTC, datetime

    from vocoder.commands.console import print_json
    from vocoder.evaluation.report import machine, versions

    date = datetime.now(UTC).isoformat(timespec="seconds")
    print_json({"date": date, "machine": machine(), "versions": versions(), "rows": rows})


def _comparison_table(result: Any) -> Any:
    from rich.table import Table

    table = Table(
        title=f"{result.seconds:.1f} s of speech, {result.parameters / 1e6:.1f} M parameters, "
        f"median of {result.runs} turns",
        caption=f"here {result.ratio:.2f} times as fast; outputs differ by at most {result.difference:.1e}, "
        f"samples reach {result.largest:.1f}",
    )
    for heading in ("WaveGlow", "CPU seconds", "× real time"):
        table.add_column(heading, justify="left" if heading == "WaveGlow" else "right")
    for name, taken in (("NVIDIA's code", result.upstream), ("here", result.here)):
        table.add_row(name, f"{taken:.2f}", f"{result.seconds / taken:.3f}")
    return table


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
