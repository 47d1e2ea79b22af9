"""Means, medians and their 95 % intervals; listeners whose ratings cannot be relied on."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import t

from server.listening.definition import MID_ANCHOR, RECORDING, Kind
from server.listening.store import Rating

CONFIDENCE = 0.95
REFERENCE_LEAST, ANCHOR_MOST, SHARE = 90, 90, 0.15
"""ITU-R BS.1534-3, post-screening: below or above in more than this share of the trials is too often."""


class Summary(NamedTuple):
    """What was said of a condition. `margin` is half the width of the mean's interval, NaN for one rating."""

    condition: str
    mean: float
    margin: float
    median: float
    lower_quartile: float
    upper_quartile: float
    ratings: int
    listeners: int


class Screened(NamedTuple):
    """A listener who is left out, and why."""

    listener: int
    name: str
    reason: str


def summaries(ratings: Iterable[Rating]) -> list[Summary]:
    """Every condition, the best mean first."""
    by_condition: dict[str, list[Rating]] = {}
    for rating in ratings:
        by_condition.setdefault(rating.condition, []).append(rating)
    found = [_summary(condition, said) for condition, said in by_condition.items()]
    return sorted(found, key=lambda summary: -summary.mean)


def margin(values: Sequence[float]) -> float:
    """Half the width of the 95 % interval of the mean: Student's t times the standard error.

    As papers print it beside a MOS: ratings are taken as independent, also those of one listener.
    """
    if len(values) < 2:
        return math.nan
    quantile = t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)
    return float(quantile * np.std(values, ddof=1) / math.sqrt(len(values)))


def screen(ratings: Iterable[Rating]) -> list[Screened]:
    """Listeners to be left out of a MUSHRA test, by the post-screening of ITU-R BS.1534-3.

    They rated the hidden reference below 90 in more than 15 % of their trials, or the 7 kHz anchor, where
    there is one, above 90 in more than 15 %.
    """
    said: dict[tuple[int, str], dict[str, list[int]]] = {}
    for rating in ratings:
        if rating.kind is Kind.MUSHRA:
            of_listener = said.setdefault((rating.listener, rating.name), {})
            of_listener.setdefault(rating.condition, []).append(rating.value)
    left_out = []
    for (listener, name), values in said.items():
        low = [value < REFERENCE_LEAST for value in values.get(RECORDING, [])]
        high = [value > ANCHOR_MOST for value in values.get(MID_ANCHOR, [])]
        if low and sum(low) > SHARE * len(low):
            reason = f"the hidden reference below {REFERENCE_LEAST} in {sum(low)} of {len(low)} trials"
            left_out.append(Screened(listener, name, reason))
        elif high and sum(high) > SHARE * len(high):
            reason = f"the 7 kHz anchor above {ANCHOR_MOST} in {sum(high)} of {len(high)} trials"
            left_out.append(Screened(listener, name, reason))
    return left_out


def _summary(condition: str, said: list[Rating]) -> Summary:
    values = [float(rating.value) for rating in said]
    lower, median, upper = np.quantile(values, [0.25, 0.5, 0.75])
    return Summary(
        condition=condition,
        mean=float(np.mean(values)),
        margin=margin(values),
        median=float(median),
        lower_quartile=float(lower),
        upper_quartile=float(upper),
        ratings=len(values),
        listeners=len({rating.listener for rating in said}),
    )
