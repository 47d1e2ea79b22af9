"""On which clips systems may be compared, and on which of them one of the systems has nothing to show.

A mean over the clips that went well would leave out a system's worst: where it was silent, or failed.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from vocoder.evaluation.measures import LIKELIHOOD, MEASURES
from vocoder.evaluation.runner import Score


class Failures(NamedTuple):
    """Clips by name: on which a system raised an error, and by measure those without its figure."""

    failed: list[str]
    without: dict[str, list[str]]


def common_clips(scores: Sequence[Score], measure: str) -> set[str]:
    """The clips on which every system has a figure, of the systems that have one on any clip."""
    having: dict[str, set[str]] = {}
    for score in scores:
        if _has(score, measure):
            having.setdefault(score.system, set()).add(score.clip)
    return set.intersection(*having.values()) if having else set()


def failures(scores: Sequence[Score], system: str) -> Failures:
    """What one system of a run has not, where another has it.

    A clip on which no system has a figure defines none (too short, no pause): it is nobody's failure, but
    where there is one system alone, which nothing excuses. A voice without `LIKELIHOOD` never has it.
    """
    alone = all(score.system == system for score in scores)
    own = [score for score in scores if score.system == system]
    without = {}
    for measure in MEASURES.keys() - {LIKELIHOOD.name}:
        defined = {
            score.clip for score in scores if _has(score, measure) or (alone and measure in score.values)
        }
        clips = [s.clip for s in own if s.error is None and s.clip in defined and not _has(s, measure)]
        if clips:
            without[measure] = sorted(clips)
    ordered = {measure: without[measure] for measure in MEASURES if measure in without}
    return Failures(sorted(score.clip for score in own if score.error is not None), ordered)


def _has(score: Score, measure: str) -> bool:
    return math.isfinite(score.values.get(measure, math.nan))
