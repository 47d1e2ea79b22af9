"""The result of an evaluation as a table to read and as JSON to keep."""

import math
import os
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from vocoder.evaluation.measures import MEASURES, Measure
from vocoder.evaluation.runner import Score
from vocoder.evaluation.statistics import CONFIDENCE, Estimate, estimate

FORMAT = 1
PACKAGES = (
    "vocoder",
    "numpy",
    "scipy",
    "torch",
    "librosa",
    "pystoi",
    "pesq",
    "pyworld",
    "speechmos",
    "onnxruntime",
)
FIRST_COLUMN = 26
"""Characters of a table's names of measures."""
ARROWS = {"higher": "↑", "lower": "↓", "zero": "→0"}


def summarize(scores: Sequence[Score]) -> dict[str, dict[str, Estimate]]:
    """For each system, in the order of first appearance, the estimate of each measure over its clips."""
    systems = dict.fromkeys(score.system for score in scores)
    return {
        system: {
            name: estimate(np.array([s.values.get(name, np.nan) for s in scores if s.system == system]))
            for name in MEASURES
        }
        for system in systems
    }


def to_tables(scores: Sequence[Score], measures: Sequence[str] | None, width: int) -> Iterator[Table]:
    """`to_table` of as many systems at a time as lines of that width can name."""
    systems = list(dict.fromkeys(score.system for score in scores))
    column = 3 + max(14, *map(len, systems)) if systems else width
    beside = max(1, (width - FIRST_COLUMN) // column)
    for first in range(0, len(systems), beside):
        shown = systems[first : first + beside]
        yield to_table([score for score in scores if score.system in shown], measures)


def to_table(scores: Sequence[Score], measures: Sequence[str] | None = None) -> Table:
    """Systems in columns, measures in rows, each a mean with the half width of its interval.

    "–" stands where a measure has no value: its optional package is missing, or no clip defines it.
    """
    summary = summarize(scores)
    clips = len({score.clip for score in scores})
    table = Table(
        title=f"Mean over {clips} clip{'s' * (clips != 1)}, with {CONFIDENCE:.0%} intervals"
    )
    table.add_column("measure")
    for system in summary:
        table.add_column(system, justify="right")
    for name in measures or MEASURES:
        measure = MEASURES[name]
        unit = f" [{measure.unit}]" if measure.unit else ""
        cells = [_cell(estimates[name], measure) for estimates in summary.values()]
        table.add_row(f"{measure.label}{unit} {ARROWS[measure.better]}".replace("[", r"\["), *cells)
    return table


def _cell(value: Estimate, measure: Measure) -> str:
    if value.clips == 0:
        return "–"
    digits = f".{measure.decimals}f"
    interval = "" if math.isnan(value.low) else f" ± {(value.high - value.low) / 2:{digits}}"
    return f"{value.mean:{digits}}{interval}"


def to_json(scores: Sequence[Score]) -> dict[str, Any]:
    """The whole run: means, clips, what the measures are, versions, machine and date; NaN is null."""
    return {
        "format": FORMAT,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "measures": {
            name: {"label": m.label, "unit": m.unit, "better": m.better, "meaning": m.meaning}
            for name, m in MEASURES.items()
        },
        "systems": {
            system: {name: _finite(value._asdict()) for name, value in estimates.items() if value.clips}
            for system, estimates in summarize(scores).items()
        },
        "clips": [
            {
                "clip": score.clip,
                "system": score.system,
                "seconds": _finite({"seconds": score.seconds})["seconds"],
                "values": _finite(score.values),
                "error": score.error,
            }
            for score in sorted(scores, key=lambda score: (score.system, score.clip))
        ],
    }


def machine() -> dict[str, Any]:
    """What the figures were computed on."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    """What the processor calls itself, where the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def versions() -> dict[str, str]:
    """The installed versions of the packages that a figure may depend on."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _finite(values: Any) -> dict[str, Any]:
    return {name: None if math.isnan(value) else value for name, value in values.items()}
