"""What to plan, in sentences that follow from the figures."""

import math

from training.scaling.study import Study, passes
from training.search.page import least_finding
from training.search.record import SearchRecord

DAY = 24 * 60.0
"""Minutes."""


def plan(study: Study, search: SearchRecord) -> str:
    """One paragraph: what compute, speech and size may still bring, and how much of that is known."""
    return " ".join([_compute(study), *_trust(study), *_speech(study, search), *_size(study, search)])


def _compute(study: Study) -> str:
    law, first, last = study.whole.law, study.forecasts[0], study.forecasts[-1]
    least = min(study.whole.curve.figures)
    tenfold = 1 - 10**-law.exponent
    return (
        f"Ten times the compute takes {tenfold:.0%} off what lies above the floor of {law.floor:.3f}. The "
        f"best run of this recipe reached {least:.3f}; {first.hours:g} H200-hour is put at "
        f"{first.range.low:.3f} … {first.range.high:.3f}, {last.hours:g} at "
        f"{last.range.low:.3f} … {last.range.high:.3f}, for this model and these {_minutes(study)}minutes."
    )


def _minutes(study: Study) -> str:
    return "" if study.speech is None else f"{max(run.minutes for run in study.speech.runs):.0f} "


def _trust(study: Study) -> list[str]:
    last, seen = study.forecasts[-1], study.whole.seen
    known = math.log10(max(study.whole.curve.costs) / min(study.whole.curve.costs))
    lines = [
        f"That extrapolates up to {last.decades:.1f} decades from points that span {known:.1f}: take it for "
        "the order of the gain, not for its third digit."
    ]
    if seen is not None and not study.whole.holds:
        lines.append(
            "In hindsight the law did no better than saying that nothing changes: plan no budget on it."
        )
    return lines


def _speech(study: Study, search: SearchRecord) -> list[str]:
    if study.speech is None:
        return []
    trend, most = study.speech.doubling, max(passes(search, run) for run in study.speech.runs)
    gain, error = trend.at(DAY) - trend.at_most, trend.error_at(DAY)
    decades = math.log10(DAY / trend.most)
    if not trend.found or trend.slope > 0:
        return [
            "More speech of one voice cannot be seen to help in runs this short, which passed at most "
            f"{most:.1f} times over theirs: {trend.slope:+.3f} ± {trend.error:.3f} a doubling, by which line "
            f"24 hours, {decades:.1f} decades on, would bring {gain:+.2f} ± {error:.2f}. That forecasts "
            "nothing: it takes runs that come back to their speech many times, and until then compute is "
            "what is short."
        ]
    return [
        f"Each doubling of the minutes brings {trend.slope:+.3f}; a straight line puts 24 hours of speech "
        f"{gain:+.2f} ± {error:.2f} from here, {decades:.1f} decades beyond what was tried, and a line has "
        "no floor: it is the most to hope for."
    ]


def _size(study: Study, search: SearchRecord) -> list[str]:
    """Sizes at equal compute: each beside what the base comes to in as many CPU-seconds."""
    if study.size is None:
        return []
    others = [run for run in study.size.runs if run != search.base and not run.diverged]
    if not others:
        return []
    gains = [(run.figure - study.whole.law.at(run.cpu_seconds), run.variant) for run in others]
    told = ", ".join(f"{name} {gain:+.3f}" for gain, name in gains)
    gain, best = min(gains)
    least = least_finding(search)
    if gain < -least:
        verdict = f"{best} is the better use of it"
    elif gain > least:
        verdict = "the present size is the better use of it"
    else:
        verdict = f"{best} is no worse a use of it than the present size, as far as can be told"
    return [f"At equal compute the sizes differ from the base by {told}: {verdict}."]
