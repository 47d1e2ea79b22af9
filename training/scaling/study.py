"""Everything the page of scaling says in figures, computed once."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from training.scaling.curves import Curve, voice_curves, voices_alike, whole_runs
from training.scaling.doubling import Doubling, doubling
from training.scaling.h200 import HOURS, core_seconds
from training.scaling.law import (
    EXPONENTS,
    MIN_POINTS,
    Hindsight,
    Interval,
    PowerLaw,
    fit,
    hindsight,
    interval,
    plausible,
)
from training.search.record import SearchRecord
from training.search.runs import Run
from vocoder.mel import mel_spec

SPEECH, SIZE = "minutes of speech", "model size"
"""Questions of the search whose answers are trends."""


class FittedCurve(NamedTuple):
    curve: Curve
    law: PowerLaw
    laws: list[PowerLaw]  # that the points allow
    seen: Hindsight | None

    @property
    def holds(self) -> bool:
        """Whether the law, fitted to the first half, said more of the rest than that nothing changes."""
        inside = EXPONENTS[0] * 1.01 < self.law.exponent < EXPONENTS[1] / 1.01
        return inside and self.seen is not None and self.seen.error < self.seen.unchanged


class Forecast(NamedTuple):
    """Of the law, where `hours` of an H200 are worth the least and the most."""

    hours: float
    costs: tuple[float, float]  # CPU-seconds
    figures: tuple[float, float]
    range: Interval  # the lowest and the highest of both
    decades: float  # from the last point to the most


class Trend(NamedTuple):
    """Runs of a question in the order of what it asks about, that, and what a doubling of it does."""

    runs: list[Run]
    xs: list[float]
    figures: list[float]  # the base's is the mean over its seeds
    doubling: Doubling

    @property
    def alike(self) -> bool:
        """Whether the runs had the same number of steps, so that nothing else tells them apart."""
        return len({run.steps for run in self.runs}) == 1


class Study(NamedTuple):
    whole: FittedCurve
    chains: dict[str, float]  # voices among its points that went on from earlier runs: their costs
    without: PowerLaw | None  # its law without these
    forecasts: list[Forecast]
    curves: list[FittedCurve]
    speech: Trend | None
    size: Trend | None
    chance: float | None


def study(search: SearchRecord, records: Mapping[str, Mapping[str, Any]]) -> Study:
    """Laws and trends of a search's runs and of the voices' records.

    Raises:
        InputError: the search has too few runs at other numbers of steps for a law.
    """
    noise, freedom = search.chance or 0.0, len(search.seeds) - 1
    voices = voices_alike(search, records)
    whole = fit_curve(whole_runs(search, voices), noise=noise)
    single = [voice for voice in voices if "began_with" not in records[voice.name]]
    pure = whole_runs(search, single)
    long_enough = [curve for curve in voice_curves(records) if len(set(curve.costs)) >= MIN_POINTS]
    return Study(
        whole=whole,
        chains={voice.name: voice.costs[-1] for voice in voices if voice not in single},
        without=fit(pure.costs, pure.figures) if len(set(pure.costs)) >= MIN_POINTS else None,
        forecasts=[forecast(whole, hours) for hours in HOURS],
        curves=[fit_curve(curve) for curve in long_enough],
        speech=_trend(search, SPEECH, lambda run: run.minutes, noise, freedom),
        size=_trend(search, SIZE, step_cost, noise, freedom),
        chance=search.chance,
    )


def fit_curve(curve: Curve, *, noise: float = 0.0) -> FittedCurve:
    """The law of a curve, with what else its points allow; raises `InputError` as `fit` does."""
    points = curve.costs, curve.figures
    return FittedCurve(curve, fit(*points), plausible(*points, noise=noise), hindsight(*points))


def forecast(fitted: FittedCurve, hours: float) -> Forecast:
    """What the law and those that the points allow say of `hours` of an H200."""
    costs = core_seconds(hours)
    ranges = [interval(fitted.laws, cost) for cost in costs]
    return Forecast(
        hours=hours,
        costs=costs,
        figures=(fitted.law.at(costs[0]), fitted.law.at(costs[1])),
        range=Interval(min(r.low for r in ranges), max(r.high for r in ranges)),
        decades=math.log10(costs[1] / max(fitted.curve.costs)),
    )


def _trend(
    search: SearchRecord, question: str, of: Callable[[Run], float], noise: float, freedom: int
) -> Trend | None:
    runs = sorted((run for run in search.asked(question) if not run.diverged), key=of)
    if len(runs) < 2:
        return None
    xs = [float(of(run)) for run in runs]
    figures = [search.reference if run == search.base else run.figure for run in runs]
    return Trend(runs, xs, figures, doubling(xs, figures, noise=noise, freedom=freedom))


def step_cost(run: Run) -> float:
    """CPU-milliseconds."""
    return 1e3 * run.cpu_seconds / run.steps


def passes(search: SearchRecord, run: Run) -> float:
    """How often a run went over its minutes of speech; for runs with the base's segments."""
    segments, spec = search.recipe["segments"], mel_spec(search.recipe["dialect"])
    heard = run.steps * segments["batch"] * segments["frames"] * spec.hop_length / spec.sample_rate / 60
    return heard / run.minutes
