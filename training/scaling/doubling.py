"""What a doubling does: a straight line over the logarithm, for points too few or too noisy for a law."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import t

from vocoder.errors import InputError

CONFIDENCE = 0.95
"""That a slope which counts as found is not chance."""


class Doubling(NamedTuple):
    """Change of the figure at each doubling, its standard error, and the line's value at the largest x.

    `freedom`: degrees of freedom behind the error.
    """

    slope: float
    error: float
    at_most: float
    most: float
    freedom: int

    @property
    def found(self) -> bool:
        return abs(self.slope) > float(t.ppf((1 + CONFIDENCE) / 2, self.freedom)) * self.error

    def at(self, x: float) -> float:
        return self.at_most + self.slope * math.log2(x / self.most)

    def error_at(self, x: float) -> float:
        """Of the change from the largest x to this one."""
        return self.error * abs(math.log2(x / self.most))


def doubling(
    xs: Sequence[float], figures: Sequence[float], *, noise: float = 0.0, freedom: int = 0
) -> Doubling:
    """The line by least squares.

    Args:
        noise: deviation of a figure by chance, which counts where the residuals show less.
        freedom: degrees of freedom from which it is known.

    Raises:
        InputError: fewer than two different x, or one that is not positive.
    """
    if len(set(xs)) < 2 or min(xs) <= 0:
        raise InputError(f"a doubling needs figures at two or more different positive values, got {list(xs)}")
    x, y = np.log2(xs), np.asarray(figures, dtype=np.float64)
    slope, height = np.polyfit(x, y, 1)
    left = float(np.sqrt(np.square(y - slope * x - height).sum() / max(1, len(x) - 2)))
    error = max(left, noise) / float(np.sqrt(np.square(x - x.mean()).sum()))
    behind = max(1, freedom if noise >= left else len(x) - 2)
    return Doubling(float(slope), error, float(slope * x.max() + height), float(max(xs)), behind)
