"""`vocoder bench` of single models: the teacher's loops, a WaveGlow's look-ahead, the lecture's rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table


def waveglow(
    upstream: Annotated[
        Path, typer.Option(help="glow.py of your checkout of github.com/NVIDIA/waveglow; it is run.")
    ],
    config: Annotated[Path, typer.Option(help="Sizes.")] = Path("configs/model/waveglow/universal.yaml"),
    overrides: Annotated[list[str] | None, typer.Argument(help="key.path=value, for example flows=2")] = None,
    seconds: Annotated[float, typer.Option(help="Of audio.", min=0.1, max=600)] = 5.0,
    runs: Annotated[int, typer.Option(help="Turns, of which the median counts.", min=1)] = 5,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="JSON file, as docs/benchmarks/waveglow-cpu.json.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not the table.")] = False,
) -> None:
    """WaveGlow here beside NVIDIA's own code: CPU time of one thread, same weights, mel and noise, in turns.

    Example:
      git clone https://github.com/NVIDIA/waveglow
      vocoder bench waveglow --upstream waveglow/glow.py
    """
    from vocoder.bench.stamp import stamp
    from vocoder.bench.upstream_waveglow import compare
    from vocoder.commands.bench_tables import comparison_table
    from vocoder.config import read_config
    from vocoder.models import WaveGlowConfig

    result = compare(
        upstream, read_config(WaveGlowConfig, config, overrides or []), seconds=seconds, runs=runs
    )
    _give(stamp() | {"rows": [result._asdict()]}, [comparison_table(result)], output, as_json=as_json)


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
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="JSON file, as docs/benchmarks/teacher-cpu.json.")
    ] = None,
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
    from vocoder.bench.stamp import stamp
    from vocoder.bench.teacher import first_audio, loop_rates, synthesis_rates
    from vocoder.checkpoints import load
    from vocoder.commands.bench_tables import teacher_tables
    from vocoder.commands.console import progress
    from vocoder.errors import InputError
    from vocoder.inference.engine import usable_cores
    from vocoder.models import Teacher, uncorrected

    model = uncorrected(load(voice))
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
    found = {"voice": voice, "synthesis": rows, "loops": compared, "first_audio": first, "runs": runs}
    _give(stamp() | {"rows": [found]}, teacher_tables(rows, compared, first), output, as_json=as_json)


def lookahead(
    voice: Annotated[str, typer.Option(help="A WaveGlow's name or checkpoint.")] = "waveglow",
    frames: Annotated[
        list[int] | None, typer.Option(help="Waited for; repeat for more. [default: 1 2 4 8 and all]", min=1)
    ] = None,
    block: Annotated[int, typer.Option(help="Frames made at once.", min=1)] = 16,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="JSON file, as docs/benchmarks/lookahead-cpu.json.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not the table.")] = False,
) -> None:
    """What a WaveGlow loses that waits for fewer frames than it could see: beside its audio of the whole.

    The recordings that ship with the package are spoken, with the noise of the whole.

    Example:
      vocoder bench lookahead --frames 2 --frames 8
    """
    from vocoder.audio import read
    from vocoder.bench.lookahead import measure_lookahead
    from vocoder.bench.stamp import stamp
    from vocoder.checkpoints import load
    from vocoder.commands.bench_tables import lookahead_table
    from vocoder.errors import InputError
    from vocoder.mel import MelFrontend
    from vocoder.models import WaveGlow, uncorrected
    from vocoder.samples import SAMPLES

    model = uncorrected(load(voice))
    if not isinstance(model, WaveGlow):
        raise InputError(
            f"voice {voice} is of kind {model.kind}: it waits for what it needs, give a waveglow"
        )
    analyse = MelFrontend(model.mel_spec)
    mels = [analyse(read(path, sample_rate=model.sample_rate)[0]) for path in SAMPLES.values()]
    rows = measure_lookahead(model, mels, frames or [1, 2, 4, 8, model.lookahead_frames], block=block)
    found = stamp() | {"rows": [{"voice": voice, **row._asdict()} for row in rows]}
    _give(found, [lookahead_table(rows, model.lookahead_frames)], output, as_json=as_json)


def lecture(
    teacher: Annotated[
        str | None, typer.Option(help="Name or checkpoint. [default: teacher, if installed]")
    ] = None,
    student: Annotated[
        str | None, typer.Option(help="Name or checkpoint. [default: student, if installed]")
    ] = None,
    waveglow: Annotated[
        str | None, typer.Option(help="Name or checkpoint. [default: waveglow, if installed]")
    ] = None,
    configs: Annotated[Path, typer.Option(help="Folder of model configurations.")] = Path("configs/model"),
    seconds: Annotated[float, typer.Option(help="Of audio, where it is quick.", min=0.1, max=600)] = 6.0,
    runs: Annotated[int, typer.Option(help="Repetitions, of which the median counts.", min=1)] = 5,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="JSON file, as docs/benchmarks/lecture-cpu.json.")
    ] = None,
) -> None:
    """The lecture's rows on this machine: autoregressive, distilled, WaveGlow; one stream, one thread.

    Published sizes with random weights stand beside the voices that ship.

    Examples:
      vocoder bench lecture
      vocoder bench lecture -o docs/benchmarks/lecture-cpu.json && vocoder bench page
    """
    from rich.console import Console

    from vocoder.bench.lecture import lecture_rows
    from vocoder.bench.stamp import stamp, write_json
    from vocoder.checkpoints import load, voice_paths
    from vocoder.commands.bench_tables import lecture_table

    given = {"autoregressive": teacher, "distilled": student, "WaveGlow": waveglow}
    shipped = {"autoregressive": "teacher", "distilled": "student", "WaveGlow": "waveglow"}
    names = {family: name or shipped[family] for family, name in given.items()}
    installed = voice_paths()
    voices = {f: load(n) for f, n in names.items() if given[f] is not None or n in installed}
    rows, console = [], Console(stderr=True)
    for row in lecture_rows(voices, configs, seconds=seconds, runs=runs):
        rows.append(row)
        console.print(f"{row.what}: {row.samples_per_second:,.3g} samples/s")
    if output is not None:
        write_json(output, stamp() | {"rows": [row._asdict() for row in rows], "runs": runs})
        console.print(f"written: {output}")
    Console().print(lecture_table(rows))


def _give(found: dict[str, Any], tables: "Sequence[Table]", output: Path | None, *, as_json: bool) -> None:
    """Write what was found where that is asked for, and print it."""
    from rich.console import Console

    from vocoder.bench.stamp import write_json
    from vocoder.commands.console import print_json

    if output is not None:
        write_json(output, found)
    if as_json:
        print_json(found)
        return
    for table in tables:
        Console().print(table)
