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
from rich.markup import escape
from rich.table import Table

from vocoder.evaluation.common import common_clips, failures
from vocoder.evaluation.measures import MEASURES, Measure
from vocoder.evaluation.runner import Score
from vocoder.evaluation.speakers import speaker_of
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
FIRST_COLUMNS = 34
"""Characters of a table's names of measures and counts of clips."""
ARROWS = {"higher": "↑", "lower": "↓", "zero": "→0"}


def summarize(scores: Sequence[Score]) -> dict[str, dict[str, Estimate]]:
    """For each system, in the order of first appearance, the estimate of each measure.

    Of one measure all means are over the same clips: those that every system has (`common_clips`). Clips of
    one speaker (`speaker_of`) do not count as independent, where there are several speakers.
    """
    systems = dict.fromkeys(score.system for score in scores)
    common = {name: common_clips(scores, name) for name in MEASURES}

    def over_clips(system: str, name: str) -> Estimate:
        own = [s for s in scores if s.system == system and s.clip in common[name]]
        values = np.array([s.values.get(name, np.nan) for s in own], dtype=float)
        return estimate(values, [speaker_of(s.clip) for s in own])

    return {system: {name: over_clips(system, name) for name in MEASURES} for system in systems}


def to_tables(scores: Sequence[Score], measures: Sequence[str] | None, width: int) -> Iterator[Table]:
    """`to_table` of as many systems at a time as lines of that width can name."""
    systems = list(dict.fromkeys(score.system for score in scores))
    column = 3 + max(14, *map(len, systems)) if systems else width
    beside = max(1, (width - FIRST_COLUMNS) // column)
    for first in range(0, len(systems), beside):
        yield to_table(scores, measures, systems[first : first + beside])


def to_table(
    scores: Sequence[Score], measures: Sequence[str] | None = None, systems: Sequence[str] | None = None
) -> Table:
    """Systems in columns, measures in rows, each a mean with the half width of its interval.

    Means are over the clips that every system of the run has, which are counted; what a system shown has not
    is told below. "–" stands where a measure has no value: its optional package is missing, no clip defines
    it. `systems`: only these are shown.
    """
    summary = summarize(scores)
    shown = list(summary) if systems is None else list(systems)
    clips = len({score.clip for score in scores})
    table = Table(
        title=f"Mean over {clips} clip{'s' * (clips != 1)}, with {CONFIDENCE:.0%} intervals",
        caption="\n".join(line for system in shown for line in _lacks(scores, system, clips)) or None,
    )
    table.add_column("measure")
    table.add_column("clips", justify="right")
    for system in shown:
        table.add_column(system, justify="right")
    for name in measures or MEASURES:
        measure = MEASURES[name]
        unit = f" [{measure.unit}]" if measure.unit else ""
        heading = f"{measure.label}{unit} {ARROWS[measure.better]}".replace("[", r"\[")
        cells = [_cell(summary[system][name], measure) for system in shown]
        table.add_row(heading, str(len(common_clips(scores, name))), *cells)
    return table


def _lacks(scores: Sequence[Score], system: str, clips: int) -> Iterator[str]:
    """What the system has not, in sentences."""
    found = failures(scores, system)
    if found.failed:
        yield f"{escape(system)} failed on {len(found.failed)} of {clips}"
    measures: dict[int, list[str]] = {}
    for name, without in found.without.items():
        measures.setdefault(len(without), []).append(MEASURES[name].label)
    for count, labels in measures.items():
        yield f"{escape(system)} has no {', '.join(dict.fromkeys(labels))} on {count} of {clips}"


def _cell(value: Estimate, measure: Measure) -> str:
    if value.clips == 0:
        return "–"
    digits = f".{measure.decimals}f"
    interval = "" if math.isnan(value.low) else f" ± {(value.high - value.low) / 2:{digits}}"
    return f"{value.mean:{digits}}{interval}"


def to_json(scores: Sequence[Score]) -> dict[str, Any]:
    """The whole run: means, clips, what the measures are, versions, machine and date; NaN is null.

    Means are over the clips that every system has; `failures` names those that a system has not.
    """
    summary = summarize(scores)
    return {
        "format": FORMAT,
        **provenance(),
        "measures": {
            name: {"label": m.label, "unit": m.unit, "better": m.better, "meaning": m.meaning}
            for name, m in MEASURES.items()
        },
        "systems": {
            system: {name: _finite(value._asdict()) for name, value in estimates.items() if value.clips}
            for system, estimates in summary.items()
        },
        "failures": {system: failures(scores, system)._asdict() for system in summary},
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


def provenance() -> dict[str, Any]:
    """When, on what machine and with which versions figures are computed."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
    }


def machine() -> dict[str, Any]:
    """What the figures were computed on."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
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
