"""Counter-based noise: the draw at a sample depends on the seed and the sample alone."""

from vocoder.noise.counters import philox
from vocoder.noise.draws import (
    MAX_SEED,
    Seeds,
    check_seed,
    check_seeds,
    logistic_noise,
    normal_noise,
    uniform_noise,
)

__all__ = [
    "MAX_SEED",
    "Seeds",
    "check_seed",
    "check_seeds",
    "logistic_noise",
    "normal_noise",
    "philox",
    "uniform_noise",
]
