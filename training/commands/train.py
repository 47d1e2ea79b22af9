"""Train a voice on recordings."""

from pathlib import Path
from typing import Annotated

import typer
from rich import print as show

app = typer.Typer(no_args_is_help=True, help="Train a voice on recordings; stops and resumes at any time.")


@app.callback()
def _group() -> None:
    """Train a voice on recordings."""


@app.command()
def student(
    config: Annotated[Path, typer.Argument(help="recipe, for example configs/recipe/student.yaml")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="key.path=value, for example data.root=data")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="folder [default: runs/NAME]")] = None,
    max_minutes: Annotated[float | None, typer.Option(help="stop (and save) after this long")] = None,
) -> None:
    """Train the student's linear flow: the pitch reader, then the filters.

    Run the same command again to go on after a stop or a crash.

    Example: vocoder train student configs/recipe/student.yaml data.root=recordings
    """
    from training.distributed import joined
    from training.recipes.student import StudentRecipe, train_student
    from vocoder.config import read_config

    recipe = read_config(StudentRecipe, config, overrides or [])
    with joined(recipe.device) as own:
        path = train_student(recipe, output or Path("runs") / recipe.name, max_minutes=max_minutes)
    if own.first:
        show(f"voice: {path}" if path else "stopped before the last step: run the same command to go on")


@app.command()
def teacher(
    config: Annotated[Path, typer.Argument(help="recipe, for example configs/recipe/teacher.yaml")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="key.path=value, for example data.root=data")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="folder [default: runs/NAME]")] = None,
    max_minutes: Annotated[float | None, typer.Option(help="stop (and save) after this long")] = None,
) -> None:
    """Train the teacher by maximum likelihood: the pitch reader if it has one, then the flow.

    Run the same command again to go on after a stop or a crash.

    Example: vocoder train teacher configs/recipe/teacher.yaml data.root=recordings
    """
    from training.distributed import joined
    from training.recipes.teacher import TeacherRecipe, train_teacher
    from vocoder.config import read_config

    recipe = read_config(TeacherRecipe, config, overrides or [])
    with joined(recipe.device) as own:
        path = train_teacher(recipe, output or Path("runs") / recipe.name, max_minutes=max_minutes)
    if own.first:
        show(f"voice: {path}" if path else "stopped before the last step: run the same command to go on")


@app.command()
def waveglow(
    config: Annotated[Path, typer.Argument(help="recipe, for example configs/recipe/waveglow.yaml")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="key.path=value, for example data.root=data")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="folder [default: runs/NAME]")] = None,
    max_minutes: Annotated[float | None, typer.Option(help="stop (and save) after this long")] = None,
) -> None:
    """Train WaveGlow: by likelihood, by the spectra of its samples, or by both, as the recipe says.

    Run the same command again to go on after a stop or a crash.

    Example: vocoder train waveglow configs/recipe/waveglow.yaml data.root=recordings
    """
    from training.distributed import joined
    from training.recipes.waveglow import WaveGlowRecipe, train_waveglow
    from vocoder.config import read_config

    recipe = read_config(WaveGlowRecipe, config, overrides or [])
    with joined(recipe.device) as own:
        path = train_waveglow(recipe, output or Path("runs") / recipe.name, max_minutes=max_minutes)
    if own.first:
        show(f"voice: {path}" if path else "stopped before the last step: run the same command to go on")


@app.command()
def classifier(
    config: Annotated[Path, typer.Argument(help="recipe, for example configs/recipe/classifier.yaml")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="key.path=value, for example data.root=data")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="folder [default: runs/NAME]")] = None,
    max_minutes: Annotated[float | None, typer.Option(help="stop (and save) after this long")] = None,
) -> None:
    """Train the phone classifier of the perceptual loss; needs transcripts, and pocketsphinx to align them.

    Run the same command again to go on after a stop or a crash.

    Example: vocoder train classifier configs/recipe/classifier.yaml data.root=recordings
    """
    from training.distributed import joined
    from training.recipes.classifier import ClassifierRecipe, train_classifier
    from vocoder.config import read_config

    recipe = read_config(ClassifierRecipe, config, overrides or [])
    with joined(recipe.device) as own:
        path = train_classifier(recipe, output or Path("runs") / recipe.name, max_minutes=max_minutes)
    if own.first:
        show(f"classifier: {path}" if path else "stopped before the last step: run the same command to go on")
