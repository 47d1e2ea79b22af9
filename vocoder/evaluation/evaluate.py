"""All measures of one generated clip against its recording."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from torch import Tensor

from vocoder.errors import AudioError
from vocoder.evaluation.alignment import Pair, align
from vocoder.evaluation.measures import families_of


def evaluate(
    reference: Float[Tensor, "sample"],
    generated: Float[Tensor, "other_sample"],
    sample_rate: int,
    measures: Sequence[str] | None = None,
) -> dict[str, float]:
    """Measure `generated` against `reference`, both in [-1, 1] at `sample_rate`, after aligning them.

    Args:
        measures: names out of `MEASURES`; by default all whose packages are installed. `LIKELIHOOD` is no
            figure of a pair and gives nothing here.

    Returns:
        A number a measure, in the order of `MEASURES`; NaN where it is undefined for this clip (too short,
        silent, never voiced).

    Raises:
        AudioError: audio that is empty, not finite, or of clearly different length.
        InputError: a name that is no measure, or audio far outside [-1, 1].
        MissingExtra: a named measure whose package is not installed.
    """
    return evaluate_pair(align(reference, generated, sample_rate), measures)


def evaluate_pair(pair: Pair, measures: Sequence[str] | None = None) -> dict[str, float]:
    """As `evaluate`, of a pair that `align` made."""
    wanted = None if measures is None else tuple(measures)
    values: dict[str, float] = {}
    for family in families_of(wanted):
        try:
            computed: Sequence[float] = family.compute(pair)
        except AudioError:
            computed = [np.nan] * len(family.measures)
        values |= {measure.name: float(v) for measure, v in zip(family.measures, computed, strict=True)}
    return {name: value for name, value in values.items() if wanted is None or name in wanted}
