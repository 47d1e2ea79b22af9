"""The page: one file that asks for nothing, neither a server nor a script nor a font."""

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

from vocoder.evaluation.html.cases import cases
from vocoder.evaluation.html.distributions import distributions
from vocoder.evaluation.html.markup import Markup, element, markup
from vocoder.evaluation.html.panels import legend
from vocoder.evaluation.html.ranking import Ranked
from vocoder.evaluation.html.showcase import Exhibit
from vocoder.evaluation.html.sound import KILOBITS
from vocoder.evaluation.html.table import summary_table
from vocoder.evaluation.measures import MEASURES

POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"


class Origin(NamedTuple):
    """Where a result comes from, beyond what it says itself: list, command, commit of the code."""

    manifest: str
    command: str
    commit: str | None = None


def page_of(
    result: Mapping[str, Any],
    origin: Origin,
    worst: Mapping[str, Sequence[Ranked]],
    exhibits: Iterable[Exhibit],
    order_by: str | None = None,
) -> str:
    """The HTML of a result of `report.to_json`.

    Args:
        worst: for each system whose clips are shown, these clips, the worst first (`worst_first`).
        exhibits: what `show` makes of all clips in `worst`.
        order_by: the measure that `worst` was ordered by; None for the mean rank.
    """
    shown = {exhibit.clip: exhibit for exhibit in exhibits}
    sections = [
        _section("figures", "Figures", summary_table(result)),
        _section("distributions", "Distributions", _distributions(result)),
        *([_worst(result, worst, shown, order_by)] if shown else []),
        *_failures(result),
    ]
    title = f"Evaluation of {', '.join(result['systems'])}"
    style = (files(__package__) / "style.css").read_text(encoding="utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("title", title),
        element("style", Markup(style)),
    )
    body = element(
        "body", element("header", element("h1", title), _facts(result, origin)), element("main", sections)
    )
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


def _section(name: str, title: str, *content: str | Iterable[str]) -> Markup:
    heading = element("h2", title, id=name)
    return element("section", heading, *content, aria_labelledby=name)


def _facts(result: Mapping[str, Any], origin: Origin) -> Markup:
    machine = result["machine"]
    seconds = {clip["clip"]: clip["seconds"] or 0 for clip in result["clips"]}
    facts = {
        "Recordings": f"{origin.manifest}: {len(seconds)}, {sum(seconds.values()):.1f} s",
        "Date": result["date"],
        "Machine": f"{machine['processor']}, {machine['cores']} cores, {machine['system']}",
        "Versions": ", ".join(
            f"{name} {number}" for name, number in {"python": machine["python"], **result["versions"]}.items()
        ),
        "Commit": origin.commit,
        "Command": element("code", origin.command),
    }
    return element(
        "dl",
        [element("div", element("dt", name), element("dd", fact)) for name, fact in facts.items() if fact],
    )


def _distributions(result: Mapping[str, Any]) -> list[Markup]:
    said = "Each dot is a clip; the box holds the middle half of them, its line is the median."
    return [element("p", said), element("div", distributions(result), class_="distributions")]


def _worst(
    result: Mapping[str, Any],
    worst: Mapping[str, Sequence[Ranked]],
    shown: Mapping[str, Exhibit],
    order_by: str | None,
) -> Markup:
    order = "the mean of its ranks under all measures" if order_by is None else MEASURES[order_by].label
    said = (
        f"The worst clip of a system comes first, by {order}. Sounds are in Ogg Opus at {KILOBITS} kbit/s, "
        "at the levels that came out; spectrograms are aligned and equally loud, as for the measures, and "
        "share one scale; differences are smoothed."
    )
    systems = [
        element("section", element("h3", system), cases(result, system, ranked, shown, order_by))
        for system, ranked in worst.items()
    ]
    return _section("worst", "Worst clips", element("p", said), legend(), systems)


def _failures(result: Mapping[str, Any]) -> list[Markup]:
    """A row a clip and system: the error, or the measures of which this system alone has no figure."""
    failed = [clip for clip in result["clips"] if clip["error"] is not None]
    found = [(clip["clip"], clip["system"], clip["error"]) for clip in failed]
    for system, failures in result["failures"].items():
        lacking: dict[str, list[str]] = {}
        for measure, clips in failures["without"].items():
            for clip in clips:
                lacking.setdefault(clip, []).append(MEASURES[measure].label)
        found += [(clip, system, f"no {', '.join(dict.fromkeys(of))}") for clip, of in lacking.items()]
    if not found:
        return []
    rows = [
        element("tr", element("th", clip, scope="row"), element("td", system), element("td", why))
        for clip, system, why in found
    ]
    table = element(
        "table",
        element("caption", "Clips without figures, and why: they count in no mean, of any system"),
        element(
            "thead", element("tr", [element("th", text, scope="col") for text in ("clip", "system", "error")])
        ),
        element("tbody", rows),
        class_="failures",
    )
    return [_section("failures", "Failures", markup(table))]
