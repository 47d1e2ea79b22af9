"""What the figures say, in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from vocoder.evaluation.parity.paired import Verdict
from vocoder.evaluation.parity.tables import SOUND_DECIMALS, interval


def of_measures(result: Mapping[str, Any]) -> str:
    """On which measures the first voice is better, on which worse, on which nothing is shown."""
    first, second = result["voices"]
    measures = [m for m in result["measures"].values() if m["difference"]["clips"]]
    better, worse = ([_told(m) for m in measures if m["verdict"] == v] for v in ("better", "worse"))
    same = [_named(m) for m in measures if m["verdict"] == "no difference shown"]
    return (
        f"Of {len(measures)} measures, `{first}` is better than `{second}` on {_listed(better)}; "
        f"worse on {_listed(worse)}; no difference is shown on {_listed(same)}."
    )


def of_sounds(result: Mapping[str, Any], division: str) -> str:
    """In which classes the first voice is nearer to the recording than the second, and in which farther."""
    first, second = result["voices"]
    classes = result["sounds"][division]["classes"]
    nearer, farther, same = (_in(classes, v) for v in ("better", "worse", "no difference shown"))
    levels = [
        f"{name} {sound['level']['first']:+.1f} and {sound['level']['second']:+.1f}"
        for name, sound in classes.items()
        if sound["level"]["difference"]["clips"]
    ]
    return (
        f"By {division}, the spectrum of `{first}` is nearer to the recording than that of `{second}` in "
        f"{_listed(nearer)}; farther in {_listed(farther)}; no difference is shown in {_listed(same)}. "
        f"Against the recording the levels of `{first}` and `{second}` are off by, in dB: {_listed(levels)}."
    )


def _named(measure: Mapping[str, Any]) -> str:
    return f"{measure['label']} in {measure['unit']}" if measure["unit"] else str(measure["label"])


def _told(measure: Mapping[str, Any]) -> str:
    unit = f" {measure['unit']}" if measure["unit"] else ""
    return f"{measure['label']} by {abs(measure['difference']['mean']):.{measure['decimals']}f}{unit}"


def _in(classes: Mapping[str, Any], verdict: Verdict) -> list[str]:
    """The classes with this verdict on the spectral distance, the largest difference first."""
    found = [
        (name, sound["distance"]["difference"])
        for name, sound in classes.items()
        if sound["distance"]["verdict"] == verdict and sound["distance"]["difference"]["clips"]
    ]
    found.sort(key=lambda pair: -abs(pair[1]["mean"]))
    if verdict == "no difference shown":
        return [name for name, _ in found]
    return [f"{name} by {interval(difference, SOUND_DECIMALS)} dB" for name, difference in found]


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "none"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
