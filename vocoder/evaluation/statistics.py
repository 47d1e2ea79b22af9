"""Means over clips, with the interval that says how far twelve clips can be trusted."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

CONFIDENCE = 0.95
RESAMPLES = 9_999


class Estimate(NamedTuple):
    """A mean over `clips` clips and its 95 % interval; NaN where there is nothing to average or resample."""

    mean: float
    low: float
    high: float
    clips: int


def estimate(values: Float[np.ndarray, "clip"], seed: int = 0) -> Estimate:
    """The mean of the finite `values` with its percentile-bootstrap interval over clips (Efron 1979).

    Clips are drawn anew 9,999 times, from a fixed seed, so that the same values give the same interval.
    """
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return Estimate(np.nan, np.nan, np.nan, 0)
    if finite.size == 1:
        return Estimate(float(finite[0]), np.nan, np.nan, 1)
    draws = np.random.default_rng(seed).integers(finite.size, size=(RESAMPLES, finite.size))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(finite[draws].mean(axis=1), [tail, 1 - tail])
    return Estimate(float(finite.mean()), float(low), float(high), int(finite.size))
