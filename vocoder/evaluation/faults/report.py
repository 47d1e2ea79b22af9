"""What was found, as a table to read and as JSON to keep."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table
from scipy.stats import chi2

from vocoder.evaluation.faults import DETECTORS, Detector
from vocoder.evaluation.faults.survey import Hearing
from vocoder.evaluation.report import provenance
from vocoder.evaluation.speakers import speaker_of
from vocoder.evaluation.statistics import CONFIDENCE, estimate

FORMAT = 1


def to_json(hearings: Sequence[Hearing], command: str) -> dict[str, Any]:
    """The whole run: rates with intervals, every event, the detectors, machine, date; NaN is null."""
    systems = dict.fromkeys(hearing.system for hearing in hearings)
    return {
        "format": FORMAT,
        "command": command,
        **provenance(),
        "detectors": {
            name: {
                "label": d.label,
                "strength_unit": d.strength_unit,
                "rate_unit": d.rate_unit,
                "meaning": d.meaning,
            }
            for name, d in DETECTORS.items()
        },
        "systems": {
            system: summarize([hearing for hearing in hearings if hearing.system == system])
            for system in systems
        },
        "clips": [_clip(hearing) for hearing in hearings],
    }


def summarize(hearings: Sequence[Hearing]) -> dict[str, dict[str, Any]]:
    """For each detector the mean rate over one system's clips, its interval, and the number of events.

    Without any event the spread over clips is nothing and says nothing: the interval of events a minute then
    ends at `most_unseen`, and a share has none.
    """
    return {name: _rate(d, [h for h in hearings if name in h.found]) for name, d in DETECTORS.items()}


def _rate(detector: Detector, hearings: Sequence[Hearing]) -> dict[str, Any]:
    rates = np.array([h.found[detector.name].rate for h in hearings], dtype=float)
    rate = estimate(rates, [speaker_of(h.clip) for h in hearings])
    events = sum(len(h.found[detector.name].events) for h in hearings)
    rate = rate._replace(low=max(rate.low, 0.0) if np.isfinite(rate.low) else rate.low)  # no rate is less
    if events == 0 and rate.clips > 0:
        minutes = sum(h.seconds for h, r in zip(hearings, rates, strict=True) if np.isfinite(r)) / 60
        low, high = (np.nan, np.nan) if detector.share_of else (0.0, most_unseen(minutes))
        rate = rate._replace(low=low, high=high)
    return {name: _finite(value) for name, value in rate._asdict().items()} | {"events": events}


def most_unseen(minutes: float) -> float:
    """Events a minute of which `minutes` may hold none: the upper end of Poisson's exact two-sided interval.

    chi2(1 - 0.05 / 2; 2) / 2 = 3.69 events (Garwood 1936, "Fiducial limits for the Poisson distribution").
    """
    return float(chi2.ppf((1 + CONFIDENCE) / 2, 2) / 2 / minutes)


def _clip(hearing: Hearing) -> dict[str, Any]:
    return {
        "clip": hearing.clip,
        "system": hearing.system,
        "seconds": _finite(round(hearing.seconds, 3)),
        "error": hearing.error,
        "found": {
            name: {
                "rate": _finite(found.rate),
                "events": [[round(event.seconds, 4), round(event.strength, 3)] for event in found.events],
            }
            for name, found in hearing.found.items()
        },
    }


def _finite(value: float | int) -> float | int | None:
    return value if np.isfinite(value) else None


def to_table(result: Mapping[str, Any]) -> Table:
    """The rates of a result of `to_json`: detectors in rows, systems in columns.

    "–" stands where there is no rate: an optional package is missing, no stream, no clip that defines it;
    "0 of n clips" where there is no event, and a share of which nothing bounds the chance.
    """
    clips = len({clip["clip"] for clip in result["clips"]})
    table = Table(title=f"Rates over {clips} clip{'s' * (clips != 1)}, with {CONFIDENCE:.0%} intervals")
    for heading in rate_heading(result):
        table.add_column(heading)
    for row in rate_rows(result):
        table.add_row(*row)
    return table


def rate_heading(result: Mapping[str, Any]) -> list[str]:
    return ["fault", "unit", *result["systems"]]


def rate_rows(result: Mapping[str, Any]) -> list[list[str]]:
    """A row a detector: label, unit, and a cell a system."""
    return [
        [d.label, f"% of {d.share_of}" if d.share_of else "a minute"]
        + [_cell(d, rates[name]) for rates in result["systems"].values()]
        for name, d in DETECTORS.items()
    ]


def _cell(detector: Detector, rate: Mapping[str, Any]) -> str:
    if rate["mean"] is None:
        return "–"
    scale = 100 if detector.share_of else 1
    if detector.share_of and not rate["events"]:
        return f"0 of {rate['clips']} clip{'s' * (rate['clips'] != 1)}"
    if rate["low"] is None:
        return f"{scale * rate['mean']:.2g}"
    return f"{scale * rate['mean']:.2g} ({scale * rate['low']:.2g} … {scale * rate['high']:.2g})"
