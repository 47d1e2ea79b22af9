"""How a measure and its figures are written, wherever they stand on the page."""

from vocoder.evaluation.html.markup import Markup, element, markup
from vocoder.evaluation.measures import MEASURES, Measure

DIRECTIONS = {"higher": "↑ higher is better", "lower": "↓ lower is better", "zero": "→ nearest 0 is best"}
NONE = "–"


def measured(names: list[str]) -> list[Measure]:
    """The measures of these names, in the order of `MEASURES`."""
    return [measure for name, measure in MEASURES.items() if name in names]


def heading(measure: Measure) -> str:
    return f"{measure.label} [{measure.unit}]" if measure.unit else measure.label


def figure(value: float | None, measure: Measure) -> Markup:
    """The value, rounded for the eye and whole for a program; a dash for None."""
    if value is None:
        return markup(NONE)
    return element("data", rounded(value, measure), value=repr(value))


def rounded(value: float, measure: Measure) -> str:
    return f"{value:.{measure.decimals}f}".replace("-", "−")


def badness(value: float, measure: Measure) -> float:
    """The value turned so that more is worse."""
    return {"higher": -value, "lower": value, "zero": abs(value)}[measure.better]
