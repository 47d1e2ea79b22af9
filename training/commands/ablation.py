"""What each term of the student's loss does."""

from pathlib import Path
from typing import Annotated

import typer


def ablation(
    config: Annotated[Path, typer.Argument(help="recipe, for example configs/recipe/ablation.yaml")],
    manifest: Annotated[Path, typer.Argument(help="recordings to measure on, one path a line")],
    overrides: Annotated[list[str] | None, typer.Argument(help="key.path=value, as data.root=FOLDER")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="folder of the page")] = Path(
        "docs/distillation"
    ),
    runs: Annotated[Path, typer.Option(help="folder of the runs; those begun go on")] = Path("runs/ablation"),
    jobs: Annotated[int, typer.Option(min=1, help="runs at a time, one thread each")] = 2,
    limit: Annotated[int | None, typer.Option(min=1, help="clips of the list [default: all]")] = None,
) -> None:
    r"""Distil by the whole objective and without each of its terms, on one budget; write ablation.md.

    Example:
      vocoder ablation configs/recipe/ablation.yaml data/valid.txt data.root=data \
        classifier=classifier.safetensors
    """
    from training.ablation import ablation_recipes, measure_ablation, train_ablation
    from training.ablation_page import write_ablation
    from training.recipes.distillation import DistillationRecipe
    from vocoder.audio import read
    from vocoder.checkpoints import voice_path
    from vocoder.commands.console import progress
    from vocoder.config import read_config
    from vocoder.errors import InputError
    from vocoder.evaluation import read_manifest

    base = read_config(DistillationRecipe, config, overrides or [])
    if base.begin_with is None:
        raise InputError("begin_with: name the student that every run begins with")
    clips, recipes, results = read_manifest(manifest), ablation_recipes(base), []
    with progress("students", len(recipes)) as advance:
        for result in train_ablation(recipes, runs, jobs=jobs):
            results.append(result)
            advance(1)
    figures = measure_ablation(results, voice_path(base.begin_with), manifest, limit=limit, workers=jobs)
    page = write_ablation(
        results, figures, base, output, read(clips[0].path), command=f"vocoder ablation {config}"
    )
    typer.echo(f"page: {page}")
