"""Distil a student from its teacher."""

from pathlib import Path
from typing import Annotated

import typer


def distill(
    config: Annotated[Path, typer.Argument(help="recipe, for example configs/recipe/distillation.yaml")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="key.path=value, for example data.root=data")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="folder [default: runs/NAME]")] = None,
    max_minutes: Annotated[float | None, typer.Option(help="stop (and save) after this long")] = None,
) -> None:
    """Teach a student the density of its teacher (probability density distillation).

    Run the same command again to go on after a stop or a crash.

    Example:
      vocoder distill configs/recipe/distillation.yaml data.root=recordings
    """
    from training.distributed import joined
    from training.recipes.distillation import DistillationRecipe, distil
    from vocoder.config import read_config

    recipe = read_config(DistillationRecipe, config, overrides or [])
    with joined(recipe.device) as own:
        path = distil(recipe, output or Path("runs") / recipe.name, max_minutes=max_minutes)
    if own.first:
        typer.echo(
            f"voice: {path}" if path else "stopped before the last step: run the same command to go on"
        )
