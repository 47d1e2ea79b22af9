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


@app.command()
def teacher(
    voice: Annotated[str, typer.Option(help="A teacher's name or checkpoint.")] = "teacher",
    cores: Annotated[
        list[int] | None, typer.Option(help="Repeat for more. [default: one, and all]", min=1)
    ] = None,
    streams: Annotated[
        list[int] | None, typer.Option(help="Repeat for more. [default: 1 4 16]", min=1)
    ] = None,
    seconds: Annotated[float, typer.Option(help="Of audio, each stream.", min=0.1, max=600)] = 2.0,
    runs: Annotated[int, typer.Option(help="Repetitions, of which the median counts.", min=1)] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not the tables.")] = False,
) -> None:
    """A teacher's sampler: by cores and streams, beside loops of torch operations, to its first audio.

    The loops speak with the same network, noise and mel as the compiled one, in turns, on one core: "eager"
    calls the network's own modules sample after sample, with queues of past inputs; "stepped" is what a GPU
    records as a graph, run operation by operation.

    Examples:
      vocoder bench teacher
      vocoder bench teacher --cores 1 --streams 1 --streams 16 --json
    """
    from rich.console import Console

    from vocoder.bench.teacher import first_audio, loop_rates, synthesis_rates
    from vocoder.checkpoints import load
    from vocoder.commands.console import progress
    from vocoder.errors import InputError
    from vocoder.inference.engine import usable_cores
    from vocoder.models import Teacher

    model = load(voice)
    if not isinstance(model, Teacher):
        raise InputError(f"voice {voice} is of kind {model.kind}: give a teacher, or use plain vocoder bench")
    counts, batches = cores or sorted({1, usable_cores()}), streams or [1, 4, 16]
    rows: list[dict[str, Any]] = []
    with progress("measuring", len(counts) * len(batches) + 2) as advance:
        for rate in synthesis_rates(model, counts, batches, seconds=seconds, runs=runs):
            rows.append(rate._asdict())
            advance(1)
        loops = loop_rates(model, runs=runs)
        advance(1)
        first = first_audio(model, runs=runs)
        advance(1)
    compared = {name: rate._asdict() for name, rate in loops._asdict().items()} | loops.ratios
    if as_json:
        _print_json([{"voice": voice, "synthesis": rows, "loops": compared, "first_audio": first}])
    else:
        for table in _teacher_tables(rows, compared, first):
            Console().print(table)


def _teacher_tables(rows: list[dict[str, Any]], loops: dict[str, Any], first: dict[str, float]) -> list[Any]:
    from rich.table import Table

    told = (
        f"a stream's first audio comes with frame {first['frames']:.0f}, {first['work_ms']:.1f} ms after it"
    )
    whole = Table(title="Mel to audio, median of the runs", caption=told)
    for heading in ("cores", "streams", "thousand samples/s", "of a CPU second", "× real time"):
        whole.add_column(heading, justify="right")
    for row in rows:
        rates = (row["samples_per_second"] / 1e3, row["samples_per_cpu_second"] / 1e3, row["times_real_time"])
        whole.add_row(str(row["cores"]), str(row["streams"]), *(f"{rate:.1f}" for rate in rates))
    ratios = {"eager": loops["compiled_to_eager"], "stepped": loops["compiled_to_stepped"], "compiled": 1.0}
    alone = Table(title="The sequential loop alone, one stream, one core")
    for heading in ("loop", "thousand samples/s", "of a CPU second", "compiled is faster by"):
        alone.add_column(heading, justify="left" if heading == "loop" else "right")
    for name, ratio in ratios.items():
        alone.add_row(name, *(f"{rate / 1e3:.1f}" for rate in loops[name].values()), f"{ratio:.1f} ×")
    return [whole, alone]


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
