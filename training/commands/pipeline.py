"""From a folder of recordings to an installed voice, in one command."""

from pathlib import Path
from typing import Annotated, Any

import typer


def pipeline(
    config: Annotated[Path, typer.Argument(help="for example configs/recipe/own.yaml")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="key.path=value, for example recordings=FOLDER name=mine")
    ] = None,
    max_minutes: Annotated[float | None, typer.Option(help="stop (and save) after this long")] = None,
) -> None:
    """Prepare the recordings, train, evaluate on what was held out, and install the voice.

    Run the same command again after a stop: what is done is not done again. Each step is noted in steps.json
    of the run's folder.

    Example:
      vocoder pipeline configs/recipe/own.yaml recordings=recordings name=mine
    """
    import time

    from rich.console import Console
    from rich.progress import Progress

    from training.pipeline import Pipeline, PipelineConfig, Stopped, check
    from vocoder.config import read_config

    parsed = read_config(PipelineConfig, config, overrides or [])
    check(parsed)
    begun, console = time.monotonic(), Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("preparing")
        steps = Pipeline(parsed).run(
            max_minutes=max_minutes,
            advance=lambda done, total: progress.update(bar, completed=done, total=total),
        )
        typer.echo(_told(next(steps)))
    try:
        for done in steps:
            typer.echo(_told(done))
    except Stopped:
        typer.echo("stopped before the last step: run the same command to go on")
        return
    typer.echo(f"voice {parsed.name}, {(time.monotonic() - begun) / 60:.1f} minutes")


def _told(done: Any) -> str:
    when = "done before" if done.before else f"{done.seconds:.0f} s"
    result = done.result
    if done.step == "prepare":
        kept = f"{result['pieces']} pieces, {result['train_minutes']:.1f} minutes to train on"
        return f"prepare ({when}): {kept}, {len(result['left_out'])} recordings left out"
    if done.step == "evaluate":
        lines = [
            f"  {system}: " + ", ".join(f"{measure} {value:.3g}" for measure, value in means.items())
            for system, means in result["means"].items()
        ]
        return "\n".join([f"evaluate ({when}):", *lines])
    return f"{done.step} ({when}): {next(iter(result.values()))}"
