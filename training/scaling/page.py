"""The page of scaling: points, laws, how far they can be trusted, forecasts."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from training.scaling.h200 import CORE_HOURS
from training.scaling.law import EXPONENTS
from training.scaling.picture import plot_study
from training.scaling.plan import plan
from training.scaling.study import FittedCurve, Study, Trend, passes
from training.search.record import SearchRecord
from vocoder.evaluation.pages import describe_machine, table


def write_scaling(
    study: Study, search: SearchRecord, page: Path, *, command: str, sound: Sequence[str] = ()
) -> None:
    """`page`, with a picture and the figures as JSON beside it under its name; `sound` is a section of it."""
    page.parent.mkdir(parents=True, exist_ok=True)
    facts = {"command": command, "date": date.today().isoformat(), "machine": describe_machine()}
    page.with_suffix(".json").write_text(json.dumps(_record(study, facts), indent=1) + "\n")
    plot_study(study, page.with_suffix(".png"))
    lines = [
        "# Scaling",
        "",
        f"Written by `{command}` on {facts['date']}, {facts['machine']}, from the records inside the",
        f"voices' checkpoints and of `{search.facts['command']}` ({search.facts['date']},",
        f"{search.facts['machine']}).",
        "",
        "The law is figure = floor + scale · cost^(−exponent), by least squares with soft L1, the floor",
        "between 0 and the least figure seen. Intervals hold 90 % of the laws fitted to redrawn points: the",
        "law's values with the spread of its residuals, or of another seed where that is more. *Hindsight*",
        "fits the first half of the points, those of one cost as their mean, and asks for the rest: its mean",
        "error there, beside the error of",
        "saying that nothing changes.",
        "",
        f"![points and laws]({page.stem}.png)",
        "",
        "## What to plan",
        "",
        plan(study, search),
        "",
        *_whole(study, search),
        *_single(study.curves),
        *_speech(study, search),
        *_size(study, search),
        *sound,
    ]
    page.write_text("\n".join(lines))


def _whole(study: Study, search: SearchRecord) -> list[str]:
    fitted = study.whole
    law, figures = fitted.law, fitted.curve.figures
    rows = [
        [f"{cost:,.0f}", f"{figure:.3f}", f"{law.at(cost):.3f}"]
        for cost, figure in zip(fitted.curve.costs, figures, strict=True)
    ]
    forecasts = [
        [
            f"{f.hours:g}",
            f"{f.costs[0] / 3600:,.0f} … {f.costs[1] / 3600:,.0f}",
            f"{f.decades:.1f}",
            f"{f.figures[0]:.3f} … {f.figures[1]:.3f}",
            f"{f.range.low:.3f} … {f.range.high:.3f}",
        ]
        for f in study.forecasts
    ]
    return [
        "## Whole runs of one recipe",
        "",
        f"The same model and speech, each run with its rate brought down at its end; {search.label},",
        "held out. A step of the search costs what it did in the quickest run: what goes on beside a run",
        "slows it.",
        "",
        *table(["CPU-seconds", search.label, "the law"], rows),
        "",
        f"{_describe(fitted)} {_hindsight(fitted)}",
        *_chains(study),
        "",
        f"Forecast for the same model and speech. An hour of an H200 is taken for {CORE_HOURS[0]:g} to "
        f"{CORE_HOURS[1]:g}",
        "hours of a core of the machine that trained the voices before.",
        "",
        *table(
            ["H200-hours", "core-hours", "decades beyond the last point", search.label, "90 % of laws"],
            forecasts,
        ),
        "",
    ]


def _chains(study: Study) -> list[str]:
    """What is to be known of points that are more than a run."""
    if not study.chains:
        return []
    named = ", ".join(f"that at {cost:,.0f} CPU-seconds (`{name}`)" for name, cost in study.chains.items())
    lines = [
        "",
        f"No single run of this recipe is {named}: the voice went on from earlier runs, whose rate and",
        "augmentation were their own, and its pitch reader was trained with it.",
    ]
    if (law := study.without) is not None:
        put = ", ".join(f"{law.at(cost):.3f}" for cost in study.chains.values())
        first = study.forecasts[0]
        low, high = (law.at(cost) for cost in first.costs)
        lines.append(
            f"A law of the other points alone puts it at {put}, and {first.hours:g} H200-hour at "
            f"{low:.3f} … {high:.3f}."
        )
    return lines


def _describe(fitted: FittedCurve) -> str:
    law, laws = fitted.law, fitted.laws
    floors, exponents = sorted(one.floor for one in laws), sorted(one.exponent for one in laws)
    low, high = len(laws) // 20, -(len(laws) // 20) - 1
    return (
        f"Floor {law.floor:.3f} ({floors[low]:.3f} … {floors[high]:.3f}), scale {law.scale:.3g}, exponent "
        f"{law.exponent:.2f} ({exponents[low]:.2f} … {exponents[high]:.2f})."
    )


def _hindsight(fitted: FittedCurve) -> str:
    if fitted.seen is None:
        return "Too few points for hindsight."
    seen, later = fitted.seen, len(set(fitted.curve.costs)) - fitted.seen.fitted
    what = "the next" if later == 1 else f"the {later} after them, on average,"
    return (
        f"Hindsight: a law of the figures at the {seen.fitted} lowest costs misses {what} by "
        f"{seen.error:.3f}; that nothing changes misses by {seen.unchanged:.3f}."
    )


def _single(curves: Sequence[FittedCurve]) -> list[str]:
    rows = []
    for fitted in curves:
        curve, seen = fitted.curve, fitted.seen
        rows.append(
            [
                curve.name,
                curve.label,
                str(len(curve.costs)),
                f"{curve.costs[0]:,.0f} … {curve.costs[-1]:,.0f}",
                f"{fitted.law.floor:.3f}",
                _exponent(fitted.law.exponent),
                "" if seen is None else f"{seen.error:.3f}",
                "" if seen is None else f"{seen.unchanged:.3f}",
                "yes" if fitted.holds else "no",
            ]
        )
    heads = [
        "",
        "figure",
        "points",
        "CPU-seconds",
        "floor",
        "exponent",
        "hindsight",
        "unchanged",
        "the law helps",
    ]
    return [
        "## Inside single runs",
        "",
        "Held-out figures while a voice trained, what it began with counted. The rate falls along the way,",
        "so these curves bend where the schedule bends: what fits them forecasts nothing beyond their end.",
        "",
        *table(heads, rows),
        "",
    ]


def _exponent(exponent: float) -> str:
    at_edge = exponent <= EXPONENTS[0] * 1.01 or exponent >= EXPONENTS[1] / 1.01
    return f"{exponent:.2f}" + (" (the bound)" if at_edge else "")


def _speech(study: Study, search: SearchRecord) -> list[str]:
    if (trend := study.speech) is None:
        return []
    rows = [
        [f"{run.minutes:g}", f"{passes(search, run):.1f}", f"{figure:.3f}"]
        for run, figure in zip(trend.runs, trend.figures, strict=True)
    ]
    return [
        "## Minutes of speech",
        "",
        f"The same model, {search.base.steps} steps; minutes with those that are held out. The figure of the",
        "base is the mean over its seeds.",
        "",
        *table(["minutes", "passes over them", search.label], rows),
        "",
        _slope(trend, "the minutes"),
        "",
    ]


def _size(study: Study, search: SearchRecord) -> list[str]:
    if (trend := study.size) is None:
        return []
    rows = [
        [
            run.variant,
            f"{run.parameters:,}",
            f"{step:.0f}",
            f"{run.cpu_seconds:.0f}",
            f"{figure:.3f}",
            f"{study.whole.law.at(run.cpu_seconds):.3f}",
        ]
        for run, step, figure in zip(trend.runs, trend.xs, trend.figures, strict=True)
    ]
    heads = [
        "",
        "parameters",
        "CPU ms a step",
        "CPU-seconds",
        search.label,
        "the base's law at these CPU-seconds",
    ]
    told = (
        _slope(trend, "a step's cost")
        if trend.alike
        else "They had steps of their own, so that the law's column is what to compare with; CPU-seconds of "
        "other sizes than the base's are as they were taken, with whatever else the machine did."
    )
    return ["## Model size", "", *table(heads, rows), "", told, ""]


def _slope(trend: Trend, what: str) -> str:
    line = trend.doubling
    found = "" if line.found else ": no more than chance can do"
    change = f"{line.slope:+.3f} ± {line.error:.3f}"
    return f"Each doubling of {what} changes the figure, at the same steps, by {change}{found}."


def _record(study: Study, facts: dict[str, str]) -> dict[str, Any]:
    return {
        **facts,
        "core_hours_of_an_h200_hour": CORE_HOURS,
        "whole": _fitted(study.whole),
        "forecasts": [f._asdict() | {"range": f.range._asdict()} for f in study.forecasts],
        "single": [_fitted(fitted) for fitted in study.curves],
        "speech": study.speech and study.speech.doubling._asdict(),
        "size": study.size and study.size.doubling._asdict(),
        "chance": study.chance,
    }


def _fitted(fitted: FittedCurve) -> dict[str, Any]:
    return {
        "curve": fitted.curve._asdict(),
        "law": fitted.law._asdict(),
        "hindsight": fitted.seen and fitted.seen._asdict(),
        "helps": fitted.holds,
    }
