"""Which clips are a system's worst: by one measure, or by the mean of their ranks under all."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata

from vocoder.errors import InputError
from vocoder.evaluation.html.figures import badness, measured
from vocoder.evaluation.measures import MEASURES, Measure, families_of


class Ranked(NamedTuple):
    """A clip and why it stands where it does: its value of the measure asked for, or its mean rank."""

    clip: str
    figure: float


def check_order(order_by: str | None, measures: Sequence[str] | None) -> None:
    """Refuse an order that a run of `measures` could not give; None, the mean rank, is always there.

    Raises:
        InputError: no measure of that name, or one that is not among `measures`.
        MissingExtra: its package is not installed.
    """
    if order_by is None:
        return
    families_of((order_by,))
    if measures is not None and order_by not in measures:
        raise InputError(f"--order-by {order_by}: it is not measured; add --measure {order_by}")


def worst_first(result: Mapping[str, Any], system: str, order_by: str | None = None) -> list[Ranked]:
    """The clips of one system in a result of `report.to_json`, the worst first.

    Without `order_by` each measure ranks the clips, 1 the worst, ties sharing their mean, and the least mean
    rank comes first: no measure's unit counts for more than another's. Equals stand in the order of their
    names; clips without a value, or that failed, are left out.
    """
    clips = sorted(
        (clip for clip in result["clips"] if clip["system"] == system and clip["error"] is None),
        key=lambda clip: clip["clip"],
    )
    names = [name for clip in clips for name in clip["values"]]
    measures = [MEASURES[order_by]] if order_by else measured(names)
    if not clips or not measures:
        return []
    bad = np.array([_badness(clips, measure) for measure in measures])  # [measure, clip]
    if order_by:
        keys, figures = -bad[0], [clip["values"].get(order_by) for clip in clips]
    else:
        keys = mean_ranks(bad)
        figures = keys.tolist()
    order = [index for index in np.argsort(keys, kind="stable") if np.isfinite(keys[index])]
    return [Ranked(clips[index]["clip"], float(figures[index])) for index in order]


def mean_ranks(bad: Float[np.ndarray, "measure clip"]) -> Float[np.ndarray, "clip"]:
    """Of each clip the mean of its ranks, 1 the worst, over the measures that it has; NaN without any."""
    ranks = rankdata(-bad, axis=1, nan_policy="omit")
    counts = np.isfinite(ranks).sum(0)
    return np.where(counts > 0, np.nansum(ranks, 0) / np.maximum(counts, 1), np.nan)


def _badness(clips: Sequence[Mapping[str, Any]], measure: Measure) -> list[float]:
    values = [clip["values"].get(measure.name) for clip in clips]
    return [np.nan if value is None else badness(value, measure) for value in values]
