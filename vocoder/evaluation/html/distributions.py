"""A small picture of each measure: every clip a dot, a box a system, as SVG in the page's own colours."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from vocoder.evaluation.html.figures import DIRECTIONS, heading, measured, rounded
from vocoder.evaluation.html.markup import Markup, element
from vocoder.evaluation.measures import Measure

WIDTH, MARGIN = 340, 10
ROW, TOP, AXIS = 50, 4, 24
BOX, SPREAD = 14, 5  # half the heights of a box and of the band of dots
MAX_DOTS = 200
_GOLDEN = 0.618034  # successive multiples, modulo 1, lie evenly


class Value(NamedTuple):
    clip: str
    value: float


def distributions(result: Mapping[str, Any]) -> list[Markup]:
    """A figure for each measure of a result of `report.to_json`, over all its systems."""
    names = [name for means in result["systems"].values() for name in means]
    return [_figure(measure, _by_system(result, measure)) for measure in measured(names)]


def _by_system(result: Mapping[str, Any], measure: Measure) -> dict[str, list[Value]]:
    """Each system's clips in order of their values; systems without a value are left out."""
    values: dict[str, list[Value]] = {system: [] for system in result["systems"]}
    for clip in result["clips"]:
        if clip["values"].get(measure.name) is not None:
            values[clip["system"]].append(Value(clip["clip"], clip["values"][measure.name]))
    return {
        system: sorted(found, key=lambda pair: (pair.value, pair.clip))
        for system, found in values.items()
        if found
    }


def _figure(measure: Measure, values: Mapping[str, Sequence[Value]]) -> Markup:
    caption = element(
        "figcaption",
        element("span", heading(measure), class_="label"),
        " ",
        element("span", DIRECTIONS[measure.better], class_="direction"),
    )
    return element("figure", caption, _picture(measure, values), class_="distribution")


def _picture(measure: Measure, values: Mapping[str, Sequence[Value]]) -> Markup:
    ticks = _ticks(measure, values)
    height = TOP + ROW * len(values) + AXIS
    rows = [
        _row(measure, system, found, TOP + ROW * index, ticks)
        for index, (system, found) in enumerate(values.items())
    ]
    return element(
        "svg",
        _axis(ticks, height - AXIS),
        rows,
        role="img",
        aria_label=f"{heading(measure)}: {'; '.join(_words(measure, *item) for item in values.items())}",
        viewBox=f"0 0 {WIDTH} {height}",
    )


def _ticks(measure: Measure, values: Mapping[str, Sequence[Value]]) -> Float[np.ndarray, "tick"]:
    """Round numbers around all values, which may be one and the same."""
    from matplotlib.ticker import MaxNLocator

    flat = [pair.value for found in values.values() for pair in found]
    low, high = min(flat), max(flat)
    least = 10.0**-measure.decimals
    margin = least if high - low < least else 0.0
    locator = MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10])
    return np.asarray(locator.tick_values(low - margin, high + margin))


def _place(value: float, ticks: Float[np.ndarray, "tick"]) -> float:
    return round(MARGIN + (WIDTH - 2 * MARGIN) * (value - ticks[0]) / (ticks[-1] - ticks[0]), 1)


def _axis(ticks: Float[np.ndarray, "tick"], bottom: int) -> list[Markup]:
    decimals = max(0, -int(np.floor(np.log10(ticks[1] - ticks[0]) + 1e-9)) + 1)
    marks = []
    for tick in ticks:
        x, text = _place(tick, ticks), f"{tick:.{decimals}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        anchor = {ticks[0]: "start", ticks[-1]: "end"}.get(tick, "middle")
        edge = {"start": x - MARGIN + 1, "end": x + MARGIN - 1}.get(anchor, x)
        marks += [
            element("line", x1=x, x2=x, y1=TOP, y2=bottom, class_="grid"),
            element("text", text.replace("-", "−"), x=edge, y=bottom + 16, text_anchor=anchor),
        ]
    return marks


def _row(
    measure: Measure, system: str, found: Sequence[Value], top: int, ticks: Float[np.ndarray, "tick"]
) -> Markup:
    low, median, high = (_place(value, ticks) for value in _quartiles(found))
    middle = top + ROW - BOX - 2
    box = element(
        "rect", x=low, y=middle - BOX, width=round(high - low, 1), height=2 * BOX, rx=3, class_="box"
    )
    line = element("line", x1=median, x2=median, y1=middle - BOX, y2=middle + BOX, class_="median")
    name = element("text", system, x=MARGIN, y=top + 15, class_="system")
    return element("g", box, _dots(measure, found, middle, ticks), line, name)


def _dots(
    measure: Measure, found: Sequence[Value], middle: int, ticks: Float[np.ndarray, "tick"]
) -> list[Markup]:
    """All clips, or of many some 200 at even ranks, the outermost among them."""
    chosen = np.unique(np.linspace(0, len(found) - 1, min(len(found), MAX_DOTS)).round().astype(int))
    dots = []
    for rank in chosen:
        clip, value = found[rank]
        y = round(middle + SPREAD * (2 * (rank * _GOLDEN % 1) - 1), 1)
        title = element("title", f"{clip}: {rounded(value, measure)}")
        dots.append(element("circle", title, cx=_place(value, ticks), cy=y, r=2.6))
    return dots


def _quartiles(found: Sequence[Value]) -> tuple[float, float, float]:
    low, median, high = np.quantile([pair.value for pair in found], [0.25, 0.5, 0.75])
    return float(low), float(median), float(high)


def _words(measure: Measure, system: str, found: Sequence[Value]) -> str:
    lowest, median, highest = (
        rounded(value, measure) for value in (found[0].value, _quartiles(found)[1], found[-1].value)
    )
    return f"{system} median {median}, from {lowest} to {highest}"
