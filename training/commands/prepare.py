"""Make a set to train on out of a folder of recordings."""

from pathlib import Path
from typing import Annotated

import typer


def prepare(
    folder: Annotated[
        Path,
        typer.Argument(help="Recordings (wav, flac, ogg, opus, mp3, aiff, au, caf), also in subfolders."),
    ],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="key.path=value, for example clean.max_seconds=10")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the set.")] = Path(
        "data/prepared"
    ),
    speaker: Annotated[
        str | None, typer.Option(help="Of all recordings. [default: the subfolders' names]")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Threads.", min=1)] = None,
) -> None:
    """Check, resample, trim, cut at pauses and level every recording; hold some out; say what was left out.

    Texts are taken along from metadata.csv, or from files beside the recordings; with the extra align, phones
    are laid over recordings that have one (English; align=false leaves it out). Run it again after a stop, or
    when recordings have come or gone: it does what is new.

    Example:
      vocoder prepare recordings -o data/mine
    """
    from rich.console import Console
    from rich.progress import Progress

    from training.prepare.prepare import REPORT, PrepareConfig
    from training.prepare.prepare import prepare as make_set
    from vocoder.config import overridden, parse_config

    values = overridden({"speaker": speaker} if speaker else {}, overrides or [])
    config = parse_config(PrepareConfig, values, "vocoder prepare")
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("preparing")
        report = make_set(
            folder,
            output,
            config,
            workers=workers,
            advance=lambda stage, done, total: progress.update(
                bar, description=stage, completed=done, total=total
            ),
        )
    for path, reason in report["left_out"].items():
        typer.echo(f"left out: {path}: {reason}")
    for line in _not_aligned(report["not_aligned"]):
        typer.echo(line)
    typer.echo(
        f"{output}: {report['pieces']} pieces, {report['minutes']:.1f} minutes"
        f" ({report['valid_minutes']:.1f} held out), {len(report['speakers'])} speakers,"
        f" {len(report['left_out'])} of {report['recordings']} recordings left out,"
        f" {report['aligned']} of {report['transcripts']} with a text aligned; {output / REPORT}"
    )


def _not_aligned(reasons: dict[str, str]) -> list[str]:
    """A line a recording; what holds of them all is said once."""
    if len(reasons) > 1 and len(set(reasons.values())) == 1:
        return [f"not aligned: {len(reasons)} recordings: {next(iter(reasons.values()))}"]
    return [f"not aligned: {path}: {reason}" for path, reason in reasons.items()]
