"""What each term of the student's loss does: the whole objective, and without each term, on one budget."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from training.recipes.distillation import DistillationRecipe, distil
from training.side_by_side import side_by_side
from vocoder.commands.evaluate import VoiceSystem
from vocoder.config import parse_config
from vocoder.errors import InputError
from vocoder.evaluation import read_manifest, run
from vocoder.evaluation.report import to_json

TERMS = ("divergence", "contrast", "power", "perceptual", "spectral")
WHOLE = "all terms"


class Ablation(NamedTuple):
    """One run: which term is missing (`WHOLE` if none), and what became of the student."""

    missing: str
    checkpoint: Path
    log: dict[str, float]  # `valid_…` of the last evaluation
    cpu_seconds: float


def ablation_recipes(base: DistillationRecipe) -> dict[str, DistillationRecipe]:
    """The objective of `base`, and without each term that it has.

    Raises:
        InputError: fewer than two terms, so that nothing can be left out.
        ConfigError: terms without one of them that are no objective.
    """
    present = [term for term in TERMS if getattr(base.loss, term)]
    if len(present) < 2:
        raise InputError(
            f"an ablation needs two terms or more of {', '.join(TERMS)}, loss has {len(present)}"
        )
    recipes = {WHOLE: _named(base, "all", {}, {})}
    for term in present:
        other = {"classifier": None} if term == "perceptual" else {}
        recipes[term] = _named(base, f"without-{term}", {term: 0.0}, other)
    return recipes


def _named(
    base: DistillationRecipe, name: str, loss: dict[str, float], other: dict[str, Any]
) -> DistillationRecipe:
    changed = {"name": f"{base.name}-{name}", "loss": base.loss.model_copy(update=loss), **other}
    return parse_config(DistillationRecipe, base.model_copy(update=changed).model_dump(), changed["name"])


def train_ablation(recipes: dict[str, DistillationRecipe], folder: Path, *, jobs: int) -> Iterator[Ablation]:
    """Results as they come; each run on one thread, `jobs` at a time, in `folder`/its name, resumable."""
    calls = [(missing, recipe, folder / recipe.name) for missing, recipe in recipes.items()]
    return side_by_side(_train, calls, jobs)


def _train(missing: str, recipe: DistillationRecipe, folder: Path) -> Ablation:
    path = distil(recipe, folder, progress=False)
    assert path is not None
    lines = [json.loads(line) for line in (folder / "flow" / "metrics.jsonl").read_text().splitlines()]
    last = [line for line in lines if "valid_divergence" in line][-1]
    log = {key: value for key, value in last.items() if key.startswith("valid_")}
    return Ablation(missing, path, log, last["cpu_seconds"])


def measure_ablation(
    results: Sequence[Ablation], begun_with: Path, manifest: Path, *, limit: int | None, workers: int
) -> dict[str, dict[str, dict[str, float]]]:
    """`{term that is missing: {measure: {mean, low, high}}}` on the first `limit` clips of a list.

    Under "before": the student that all began with.
    """
    names = {result.checkpoint.stem: result.missing for result in results} | {begun_with.stem: "before"}
    systems = [VoiceSystem(str(path)) for path in (begun_with, *(r.checkpoint for r in results))]
    scores = list(run(read_manifest(manifest)[:limit], systems, workers=workers))
    failed = [f"{score.system} on {score.clip}: {score.error}" for score in scores if score.error]
    if failed:
        raise InputError("; ".join(failed))
    return {names[system]: values for system, values in to_json(scores)["systems"].items()}
