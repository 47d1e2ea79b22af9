"""One figure of two voices, utterance by utterance, and what may be said of their difference."""

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
    """

    first: float
    second: float
    difference: Estimate
    verdict: Verdict


def compare(
    first: Float[np.ndarray, "utterance"], second: Float[np.ndarray, "utterance"], better: Better
) -> Paired:
    """Pair two voices' figures of the same utterances; NaN where one has none, and the pair is left out.

    The verdict is "better" or "worse" where the 95 % bootstrap interval of the mean difference leaves out
    zero, and "no difference shown" where it holds zero, or where fewer than two utterances give no interval.
    """
    both = np.isfinite(first) & np.isfinite(second)
    if not both.any():
        return Paired(np.nan, np.nan, estimate(np.array([])), "no difference shown")
    a, b = first[both], second[both]
    difference = estimate(np.abs(a) - np.abs(b) if better == "zero" else a - b)
    return Paired(float(a.mean()), float(b.mean()), difference, verdict(difference, better))


def verdict(difference: Estimate, better: Better) -> Verdict:
    """What the interval of "first minus second" says of the first, where `better` is the better end."""
    if difference.low > 0:
        return "better" if better == "higher" else "worse"
    if difference.high < 0:
        return "worse" if better == "higher" else "better"
    return "no difference shown"
