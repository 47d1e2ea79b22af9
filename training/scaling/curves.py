"""Points to fit laws to: held-out figures against CPU-seconds, from the records of voices and of a search."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from training.figures import LABELS, wanted_figures
from training.scaling.h200 import cost
from training.search.record import SearchRecord
from training.search.runs import Run
from training.spent import Spent, spent
from vocoder.checkpoints import CheckpointInfo, read_info, voice_paths


class Curve(NamedTuple):
    """Points in the order of their cost."""

    name: str
    label: str
    costs: list[float]  # CPU-seconds of one thread, or what stands for them
    figures: list[float]  # held out, less is better


def voice_records(folder: Path) -> dict[str, CheckpointInfo]:
    """What installed voices' checkpoints, and records of others in `folder`, tell of them."""
    infos = {name: read_info(path) for name, path in voice_paths().items()}
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text())
        if "training" in content and path.stem not in infos:
            infos[path.stem] = CheckpointInfo.model_validate(content)
    return infos


def voice_curves(records: Mapping[str, Mapping[str, Any]]) -> list[Curve]:
    """Of each voice the figure that its last stage optimised.

    What it began with, and its earlier stages, count as cost.
    """
    found = (_voice_curve(name, training) for name, training in records.items())
    return [curve for curve in found if curve is not None]


def _voice_curve(name: str, training: Mapping[str, Any]) -> Curve | None:
    stages = list(training.get("curves", {}).values())
    there = {key for line in stages[-1] for key in line} if stages else set()
    key = next((name for name in wanted_figures(training.get("recipe", {})) if name in there), None)
    if key is None:
        return None
    lines = [line for line in stages[-1] if key in line]
    whole = Spent.of(training)
    pace = cost(whole) / whole.cpu_seconds if whole.gpu_seconds and whole.cpu_seconds else 1.0
    before = cost(spent(training)) - cost(whole)
    before += pace * sum(stage[-1]["cpu_seconds"] for stage in stages[:-1] if stage)
    costs = [before + pace * line["cpu_seconds"] for line in lines]
    return Curve(name, LABELS[key], costs, [line[key] for line in lines])


def at_quickest_pace(search: SearchRecord) -> SearchRecord:
    """Steps of the base, and of variants in steps and seeds alone, as quick as in the quickest of them.

    Their steps are the same work, which takes longer where other work goes on beside it.
    """
    budgets = _budgets(search)
    pace = min(run.cpu_seconds / run.steps for run in budgets)
    base, *others = (
        run._replace(cpu_seconds=run.steps * pace) if run in budgets else run for run in search.runs
    )
    return search._replace(base=base, others=others)


def whole_runs(search: SearchRecord, voices: Sequence[Curve] = ()) -> Curve:
    """The ends of runs of one recipe at several budgets, each with its rate brought down to the end.

    They are the search's base and those variants that change nothing but steps and seeds, and of `voices` the
    ends.
    """
    ends = [(run.cpu_seconds, run.figure) for run in _budgets(search)]
    ends += [(curve.costs[-1], curve.figures[-1]) for curve in voices]
    costs, figures = zip(*sorted(ends), strict=True)
    return Curve("whole runs", search.label, list(costs), list(figures))


def voices_alike(search: SearchRecord, records: Mapping[str, Mapping[str, Any]]) -> list[Curve]:
    """Of voices whose model, speech and (in their last run) augmentation are those of the search's base."""
    alike = {name: training for name, training in records.items() if _same(search.recipe, training)}
    return [curve for curve in voice_curves(alike) if curve.label == search.label]


def _budgets(search: SearchRecord) -> list[Run]:
    return [search.base, *(run for run in search.others if run.changes_only("steps", "seed"))]


def _same(recipe: Mapping[str, Any], training: Mapping[str, Any]) -> bool:
    other = training.get("recipe", {})
    return bool(
        other.get("model") == recipe["model"]
        and other.get("data", {}).get("sources") == recipe["data"]["sources"]
        and _augmentation(other) == _augmentation(recipe)
    )


def _augmentation(recipe: Mapping[str, Any]) -> list[Any]:
    return [recipe.get("segments", {}).get(key) for key in ("gain_db", "speed")]
