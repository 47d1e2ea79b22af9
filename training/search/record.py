"""What a search leaves for others to read: its runs, as JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

from training.figures import LABELS
from training.search.kinds import KINDS
from training.search.plan import Plan
from training.search.runs import Point, Run
from vocoder.errors import ConfigError


class SearchRecord(NamedTuple):
    """`facts`: command, date, machines; `recipe`: of the base, without places; `label`: of the figure.

    `planned`: runs of the whole plan, of which there may be fewer yet; 0 where nobody knows.
    """

    facts: dict[str, str]
    recipe: dict[str, Any]
    label: str
    base: Run
    others: list[Run]
    planned: int = 0

    @property
    def runs(self) -> list[Run]:
        return [self.base, *self.others]

    @property
    def seeds(self) -> list[Run]:
        """The base, and the runs that differ from it in their seed alone."""
        return [self.base, *(run for run in self.others if run.changes_only("seed"))]

    @property
    def reference(self) -> float:
        """What variants are compared with: the mean over the seeds."""
        return mean(run.figure for run in self.seeds)

    @property
    def chance(self) -> float | None:
        """The standard deviation between seeds; None of one."""
        return stdev(run.figure for run in self.seeds) if len(self.seeds) > 1 else None

    def asked(self, question: str) -> list[Run]:
        """The base and the variants of a question."""
        return [self.base, *(run for run in self.others if run.question == question)]


def make_record(plan: Plan, runs: Sequence[Run], facts: Mapping[str, str]) -> SearchRecord:
    """`runs` in any order, the base's among them; the record has the plan's order."""
    found = {(run.question, run.variant): run for run in runs}
    ordered = [run for variant in plan.runs if (run := found.get((variant.question, variant.name)))]
    figure = KINDS[plan.config.kind].figure(plan.base.recipe)
    label, planned = LABELS[figure], len(plan.runs)
    return SearchRecord(
        dict(facts), plan.base.recipe.portable(), label, ordered[0], ordered[1:], planned=planned
    )


def write_record(record: SearchRecord, path: Path) -> None:
    """As JSON, each run and each point of a curve by the names of its fields; of one that diverged, null."""
    content = record._asdict() | {
        "base": _content(record.base),
        "others": [_content(r) for r in record.others],
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def read_record(path: Path) -> SearchRecord:
    """What `write_record` wrote; raises `ConfigError` when there is no such file or it is something else."""
    try:
        content = json.loads(path.read_text())
        runs = [_run(row) for row in (content.pop("base"), *content.pop("others"))]
        return SearchRecord(base=runs[0], others=runs[1:], **content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: no record of a search, as `vocoder search` writes it: {error}") from None


def _content(run: Run) -> dict[str, Any]:
    figure = None if run.diverged else run.figure
    return run._asdict() | {"figure": figure, "curve": [point._asdict() for point in run.curve]}


def _run(row: dict[str, Any]) -> Run:
    changed: dict[str, Any] = {
        "overrides": tuple(row["overrides"]),
        "curve": [Point(**point) for point in row["curve"]],
        "figure": math.inf if row["figure"] is None else row["figure"],
    }
    return Run(**(row | changed))
