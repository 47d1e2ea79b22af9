"""Laws and trends, drawn with the points they come from."""

from pathlib import Path
from typing import Any

import numpy as np

from training.scaling.h200 import HOURS, core_seconds
from training.scaling.law import interval
from training.scaling.study import FittedCurve, Study, Trend


def plot_study(study: Study, path: Path) -> None:
    """Whole runs with the law as far as the last forecast; single runs; speech and size, where asked."""
    from matplotlib.figure import Figure

    trends = [
        (title, trend)
        for title, trend in (
            ("minutes of speech", study.speech),
            ("CPU milliseconds a step, by channels", study.size),
        )
        if trend is not None
    ]
    figure = Figure(figsize=(9.6, 6.4 if trends else 3.4), layout="constrained")
    places = figure.subplots(2 if trends else 1, 2, squeeze=False)
    _whole(places[0, 0], study.whole)
    _single(places[0, 1], study.curves)
    if trends:
        for axes in places[1, len(trends) :]:
            axes.set_axis_off()
        for axes, (title, trend) in zip(places[1], trends, strict=False):
            _trend(axes, title, trend)
    for axes in figure.axes:
        axes.tick_params(labelsize=7, which="both")
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def _whole(axes: Any, fitted: FittedCurve) -> None:
    curve = fitted.curve
    known, last = max(curve.costs), core_seconds(HOURS[-1])[1]
    grid = np.geomspace(min(curve.costs), last, 200)
    bands = [interval(fitted.laws, float(cost)) for cost in grid]
    axes.fill_between(grid, [b.low for b in bands], [b.high for b in bands], alpha=0.2, label="90 % of laws")
    for part, style in ((grid <= known, "-"), (grid >= known, ":")):
        axes.plot(grid[part], [fitted.law.at(float(cost)) for cost in grid[part]], style, color="C0")
    axes.plot(curve.costs, curve.figures, "ko", markersize=4, label=curve.name)
    for hours in HOURS:
        axes.axvspan(*core_seconds(hours), color="C1", alpha=0.15)
        axes.text(core_seconds(hours)[0], axes.get_ylim()[1], f"{hours:g} h", fontsize=6, va="top")
    axes.set_title("whole runs; bands: hours of an H200", fontsize=9)
    _log(axes, "CPU-seconds", curve.label)


def _single(axes: Any, curves: list[FittedCurve]) -> None:
    """Each run's figures above its least, relative to its range, that they fit one panel."""
    for colour, fitted in enumerate(curves):
        low, high = min(fitted.curve.figures), max(fitted.curve.figures)
        costs = np.geomspace(min(fitted.curve.costs), max(fitted.curve.costs), 50)
        scaled = [(figure - low) / (high - low) for figure in fitted.curve.figures]
        law = [(fitted.law.at(float(cost)) - low) / (high - low) for cost in costs]
        axes.plot(fitted.curve.costs, scaled, ".", color=f"C{colour}", label=fitted.curve.name)
        axes.plot(costs, law, color=f"C{colour}", linewidth=0.8)
    axes.set_title("inside single runs, each scaled to 0 … 1", fontsize=9)
    _log(axes, "CPU-seconds", "held-out figure, scaled")


def _trend(axes: Any, title: str, trend: Trend) -> None:
    xs = trend.xs
    axes.plot(xs, trend.figures, "ko", markersize=4, label="runs")
    if trend.alike:
        axes.plot(xs, [trend.doubling.at(x) for x in xs], color="C0", label="line")
    axes.set_title(f"{title}, {'the same steps' if trend.alike else 'steps of their own'}", fontsize=9)
    _log(axes, title, "")


def _log(axes: Any, x: str, y: str) -> None:
    axes.set_xscale("log")
    axes.set_xlabel(x, fontsize=7)
    axes.set_ylabel(y, fontsize=7)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize=6)
