"""The table of means: measures in rows, systems in columns, the best of each row marked."""

from collections.abc import Mapping
from typing import Any

from vocoder.evaluation.baselines import Recording
from vocoder.evaluation.html.figures import DIRECTIONS, NONE, badness, figure, heading, measured, rounded
from vocoder.evaluation.html.markup import Markup, element, markup
from vocoder.evaluation.measures import Measure
from vocoder.evaluation.statistics import CONFIDENCE

BEST = "★"


def summary_table(result: Mapping[str, Any]) -> Markup:
    """The means of a result of `report.to_json`, each with its interval, and what each measure is.

    A row says of how many clips it is where these are not all: those that every system has. The best of a
    row is the best of two systems or more; the recording itself, which nothing can beat, is left out.
    """
    systems = result["systems"]
    names = [name for means in systems.values() for name in means]
    clips = len({clip["clip"] for clip in result["clips"]})
    caption = (
        f"Mean over {clips} clip{'s' * (clips != 1)}, below it the {CONFIDENCE:.0%} interval. "
        f"{BEST} marks the best system of a row, the recording aside."
    )
    head = [element("th", text, scope="col") for text in ("measure", *systems)]
    rows = [_row(measure, systems, clips) for measure in measured(names)]
    table = element(
        "table",
        element("caption", element("span", caption)),
        element("thead", element("tr", head)),
        element("tbody", rows),
    )
    return scrolling(table, "Means of all measures")


def scrolling(table: Markup, label: str) -> Markup:
    """A table that is wider than a phone moves inside its place, also by keyboard."""
    return element("div", table, class_="scroll", tabindex="0", role="region", aria_label=label)


def _row(measure: Measure, systems: Mapping[str, Any], clips: int) -> Markup:
    means = {
        name: estimates[measure.name] for name, estimates in systems.items() if measure.name in estimates
    }
    rivals = {name: badness(e["mean"], measure) for name, e in means.items() if name != Recording.name}
    best = min(rivals.values()) if len(rivals) > 1 else None
    head = element(
        "th",
        element("span", heading(measure), class_="label"),
        element("span", DIRECTIONS[measure.better], class_="direction"),
        element("span", measure.meaning, class_="meaning"),
        _counted(max(estimate["clips"] for estimate in means.values()), clips),
        scope="row",
    )
    cells = [
        _cell(means.get(name), measure, best is not None and rivals.get(name) == best) for name in systems
    ]
    return element("tr", head, cells)


def _counted(common: int, clips: int) -> Markup:
    if common == clips:
        return markup()
    return element("span", f"over the {common} of {clips} clips that all systems have", class_="meaning")


def _cell(estimate: Mapping[str, Any] | None, measure: Measure, is_best: bool) -> Markup:
    if estimate is None:
        return element("td", NONE)
    mark = element("span", BEST, role="img", aria_label="best", class_="mark") if is_best else markup()
    return element(
        "td",
        mark,
        figure(estimate["mean"], measure),
        _interval(estimate, measure),
        class_="best" if is_best else None,
    )


def _interval(estimate: Mapping[str, Any], measure: Measure) -> Markup:
    if estimate["low"] is None:
        return markup()
    low, high = (rounded(estimate[end], measure) for end in ("low", "high"))
    return element("span", f"{low} to {high}", class_="interval")
