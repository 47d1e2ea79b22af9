"""From a folder of recordings to an installed voice, in one command."""

from pathlib import Path
from typing import Annotated, Any

import typer

MAIN = ("pesq", "estoi", "dnsmos", "dnsmos_p808", "mcd")
FEW = 5


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
            advance=lambda stage, done, total: progress.update(
                bar, description=stage, completed=done, total=total
            ),
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
        return "\n".join([f"prepare ({when}): {_kept(result)}", *_missing(result)])
    if done.step == "evaluate":
        return "\n".join([f"evaluate ({when}): means over what was held out", *_table(result["means"])])
    return f"{done.step} ({when}): {next(iter(result.values()))}"


def _kept(report: dict[str, Any]) -> str:
    return (
        f"{report['pieces']} pieces, {report['train_minutes']:.1f} minutes to train on, {report['aligned']}"
        f" recordings aligned, {len(report['left_out'])} left out; {report['report']} has the reasons"
    )


def _missing(report: dict[str, Any]) -> list[str]:
    left_out = list(report["left_out"].items())
    more = [f"  and {len(left_out) - FEW} more"] if len(left_out) > FEW else []
    return [f"  left out: {path}: {reason}" for path, reason in left_out[:FEW]] + more


def _table(means: dict[str, dict[str, float]]) -> list[str]:
    """The measures that say most, a system a line."""
    from vocoder.evaluation import MEASURES

    shown = [name for name in MAIN if all(name in values for values in means.values())]
    width = max(map(len, means))
    head = "".join(f"{MEASURES[name].label:>10}" for name in shown)
    rows = (
        (system, "".join(f"{values[name]:>10.{MEASURES[name].decimals}f}" for name in shown))
        for system, values in means.items()
    )
    return [f"  {'':{width}}{head}", *(f"  {system:{width}}{cells}" for system, cells in rows)]
