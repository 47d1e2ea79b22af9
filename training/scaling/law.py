"""The law of diminishing returns, fitted: L(c) = floor + scale · c^(-exponent).

The form of Kaplan et al. 2020 and Hoffmann et al. 2022 in one variable, with the floor that a density has.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from vocoder.errors import InputError

MIN_POINTS = 4
"""One more than the law has numbers."""
EXPONENTS = (0.02, 2.0)
STARTS = (0.1, 0.3, 0.7, 1.2)
DRAWS = 200
PERCENTILES = (5, 95)


class PowerLaw(NamedTuple):
    floor: float
    scale: float
    exponent: float

    def at(self, cost: float) -> float:
        return self.floor + self.scale * cost**-self.exponent


class Interval(NamedTuple):
    """Of 90 % of the laws that the points allow."""

    low: float
    high: float


class Hindsight(NamedTuple):
    """What a law fitted to the early points said of the later ones."""

    fitted: int  # points at different costs
    error: float  # mean distance of the later points from it
    unchanged: float  # mean distance from the last point that it knew: what no law at all says


def fit(costs: Sequence[float], figures: Sequence[float]) -> PowerLaw:
    """The law by least squares, outliers counting less (soft L1), its floor between 0 and the least figure.

    Args:
        costs: positive, of any unit.
        figures: held-out, positive, the less the better.

    Raises:
        InputError: fewer than `MIN_POINTS` different costs, or what is not positive.
    """
    return _fit(costs, figures, STARTS)


def _fit(costs: Sequence[float], figures: Sequence[float], starts: Sequence[float]) -> PowerLaw:
    c, y = np.asarray(costs, dtype=np.float64), np.asarray(figures, dtype=np.float64)
    if (different := len(np.unique(c))) < MIN_POINTS:
        raise InputError(
            f"a law of three numbers needs {MIN_POINTS} points or more at different costs, got {different}"
        )
    if c.min() <= 0 or y.min() <= 0:
        raise InputError("a law needs costs and figures above 0")
    middle = float(np.exp(np.log(c).mean()))
    found = [_least_squares(c / middle, y, start) for start in starts]
    (floor, scale, exponent), _ = min(found, key=lambda solution: solution[1])
    return PowerLaw(float(floor), float(scale * middle**exponent), float(exponent))


def _least_squares(c: NDArray, y: NDArray, exponent: float) -> tuple[NDArray, float]:
    """The parameters found from one start, with `c` about 1, and what they leave."""
    spread = max(float(np.ptp(y)), 1e-9)
    begin = [max(0.0, y.min() - 0.5 * spread), spread, exponent]
    solved = least_squares(
        lambda p: p[0] + p[1] * c ** -p[2] - y,
        begin,
        bounds=([0.0, 0.0, EXPONENTS[0]], [float(y.min()), np.inf, EXPONENTS[1]]),
        x_scale=[spread, spread, 0.1],
        loss="soft_l1",
        f_scale=0.1 * spread,
    )
    return solved.x, float(solved.cost)


def plausible(costs: Sequence[float], figures: Sequence[float], *, noise: float = 0.0) -> list[PowerLaw]:
    """Laws of redrawn points: around the fitted one, by its residuals or by `noise` (a deviation) if more.

    Raises:
        InputError: as `fit`.
    """
    law, rng = fit(costs, figures), np.random.default_rng(0)
    expected = np.array([law.at(cost) for cost in costs])
    left = np.asarray(figures) - expected
    free = max(1, len(left) - 3)
    deviation = max(noise, float(np.sqrt(np.square(left).sum() / free)))
    drawn = expected + deviation * rng.standard_normal((DRAWS, len(left)))
    return [_fit(costs, np.maximum(row, 1e-9).tolist(), (law.exponent,)) for row in drawn]


def interval(laws: Sequence[PowerLaw], cost: float) -> Interval:
    """Where the figure at `cost` lies by 90 % of the laws."""
    low, high = np.percentile([law.at(cost) for law in laws], PERCENTILES)
    return Interval(float(low), float(high))


def hindsight(costs: Sequence[float], figures: Sequence[float]) -> Hindsight | None:
    """A law fitted to the first half, asked about the rest; None where the half is too small for a law.

    Figures at one cost are one point, their mean: what is known does not choose among them.
    """
    c = sorted(set(costs))
    y = [float(np.mean([f for cost, f in zip(costs, figures, strict=True) if cost == one])) for one in c]
    half = max(MIN_POINTS, -(-len(c) // 2))
    if half >= len(c):
        return None
    law = fit(c[:half], y[:half])
    errors = [abs(law.at(cost) - figure) for cost, figure in zip(c[half:], y[half:], strict=True)]
    known = [abs(y[half - 1] - figure) for figure in y[half:]]
    return Hindsight(half, float(np.mean(errors)), float(np.mean(known)))
