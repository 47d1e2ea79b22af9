"""The worst clips of each system: to hear beside the recording and all others, to see, with their figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from vocoder.evaluation.baselines import Recording
from vocoder.evaluation.html.figures import figure, heading, measured, rounded
from vocoder.evaluation.html.markup import Markup, element, markup
from vocoder.evaluation.html.panels import panels
from vocoder.evaluation.html.ranking import Ranked
from vocoder.evaluation.html.showcase import Exhibit
from vocoder.evaluation.html.table import scrolling
from vocoder.evaluation.measures import MEASURES


def cases(
    result: Mapping[str, Any],
    system: str,
    worst: Sequence[Ranked],
    exhibits: Mapping[str, Exhibit],
    order_by: str | None,
) -> list[Markup]:
    """An article for each of the `worst` clips of a system, in their order."""
    scored = sum(clip["system"] == system and clip["error"] is None for clip in result["clips"])
    return [
        element(
            "article",
            element("h4", f"{place}. ", element("span", clip, class_="name")),
            element("p", _reason(value, order_by, scored), class_="reason"),
            _players(system, exhibits[clip]),
            panels(system, clip, exhibits[clip].pictures[system])
            if system in exhibits[clip].pictures
            else "",
            _figures(result, system, clip),
        )
        for place, (clip, value) in enumerate(worst, start=1)
    ]


def _reason(value: float, order_by: str | None, clips: int) -> str:
    if order_by is None:
        return f"mean rank {value:.1f} of {clips}, 1 the worst"
    measure = MEASURES[order_by]
    return f"{measure.label} {rounded(value, measure)} {measure.unit}".rstrip()


def _players(system: str, exhibit: Exhibit) -> Markup:
    """The recording, the system of the section, then the others."""
    others = [name for name in exhibit.sounds if name != system]
    order = [name for name in (system, *others) if name in exhibit.sounds]
    sounds = {Recording.name: exhibit.recording} | {name: exhibit.sounds[name] for name in order}
    players = [
        element(
            "figure",
            element("figcaption", name),
            element(
                "audio", controls=True, preload="metadata", src=sound, aria_label=f"{exhibit.clip}, {name}"
            ),
        )
        for name, sound in sounds.items()
    ]
    return element("div", players, class_="players")


def _figures(result: Mapping[str, Any], system: str, clip: str) -> Markup:
    """What every system got on this clip: systems in rows, the one of the section first."""
    values = {each["system"]: each["values"] for each in result["clips"] if each["clip"] == clip}
    order = [system, *(name for name in result["systems"] if name in values and name != system)]
    measures = measured([name for found in values.values() for name in found])
    head = [element("th", text, scope="col") for text in ("system", *map(heading, measures))]
    rows = [
        element(
            "tr",
            element("th", name, scope="row"),
            [element("td", figure(values[name].get(measure.name), measure)) for measure in measures],
        )
        for name in order
    ]
    table = element(
        "table",
        element("caption", f"Measures of {clip}", class_="heard"),
        element("thead", element("tr", head)),
        element("tbody", rows),
        class_="compact",
    )
    return scrolling(markup(table), f"Measures of {clip}")
