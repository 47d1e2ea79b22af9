"""One figure of two voices, utterance by utterance, and what may be said of their difference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from vocoder.evaluation.statistics import Estimate, estimate

Better = Literal["higher", "lower", "zero"]
Verdict = Literal["better", "worse", "no difference shown"]


@dataclass(frozen=True)
class Paired:
    """Means of both voices over the utterances that both have, the difference of the first from the second.

    Where zero is best, the difference is that of the distances from zero. `verdict` is on the first voice.
    The interval is over `speakers` where there are two or more, and otherwise over utterances.
    """

    first: float
    second: float
    difference: Estimate
    speakers: int
    verdict: Verdict


def compare(
    first: Float[np.ndarray, "utterance"],
    second: Float[np.ndarray, "utterance"],
    better: Better,
    speakers: Sequence[str],
) -> Paired:
    """Pair two voices' figures of the same utterances; NaN where one has none, and the pair is left out.

    `speakers` says who speaks in each. The verdict is "better" or "worse" where the 95 % interval of the mean
    difference (`estimate`) leaves out zero, and "no difference shown" where it holds zero, or where fewer
    than two utterances give no interval.
    """
    both = np.isfinite(first) & np.isfinite(second)
    if not both.any():
        return Paired(np.nan, np.nan, estimate(np.array([])), 0, "no difference shown")
    a, b, known = first[both], second[both], np.asarray(speakers)[both].tolist()
    difference = estimate(np.abs(a) - np.abs(b) if better == "zero" else a - b, known)
    said = verdict(difference, better)
    return Paired(float(a.mean()), float(b.mean()), difference, len(set(known)), said)


def verdict(difference: Estimate, better: Better) -> Verdict:
    """What the interval of "first minus second" says of the first, where `better` is the better end."""
    if difference.low > 0:
        return "better" if better == "higher" else "worse"
    if difference.high < 0:
        return "worse" if better == "higher" else "better"
    return "no difference shown"
