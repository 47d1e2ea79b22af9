"""Counter-based noise: the draw at audio sample t depends on (seed, t) alone.

Not on chunking, batching, device or number of devices: that is what lets a stream give the very samples
of the whole utterance, and a batch those of its single requests.
"""

from collections.abc import Sequence
from operator import index
from typing import Any, SupportsIndex

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from vocoder.errors import InputError
from vocoder.noise.counters import philox_uniform

MAX_SEED = 2**63 - 1

Start = int | Int[Tensor, "batch"]
Seeds = Sequence[int] | Int[Tensor, "batch"]


def check_seed(seed: SupportsIndex) -> int:
    """`seed` as a Python integer from 0 to 2^63 - 1; raises `InputError` for anything else."""
    try:
        number = -1 if isinstance(seed, bool) else index(seed)
    except TypeError:
        number = -1
    if not 0 <= number <= MAX_SEED:
        raise InputError(f"seed must be an integer from 0 to {MAX_SEED}, got {seed!r}")
    return number


def check_seeds(
    seed: SupportsIndex | Sequence[SupportsIndex] | Int[np.ndarray, "..."] | Int[Tensor, "..."], number: int
) -> list[int]:
    """One seed for all of a batch, or one for each; raises `InputError` for anything else."""
    given: Any = seed.tolist() if isinstance(seed, np.ndarray | Tensor) else seed
    seeds = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given] * number
    if len(seeds) != number:
        raise InputError(f"seed: expected one, or one for each of {number} mels, got {len(seeds)}")
    return [check_seed(each) for each in seeds]


def uniform_noise(
    seeds: Seeds, start: Start, length: int, *, lane: int = 0, device: torch.device | str = "cpu"
) -> Float[Tensor, "batch length"]:
    """Uniform draws in (0, 1), float64, for samples `start … start + length`, one row a seed.

    `start` is one for all, or one a row. `lane` separates independent noises at the same sample. Seeds in a
    tensor are taken as they are; otherwise `InputError` is raised for a bad one.
    """
    keys = seeds if isinstance(seeds, Tensor) else torch.tensor([check_seed(seed) for seed in seeds])
    keys = keys.to(device, torch.int64)
    first = torch.as_tensor(start, dtype=torch.int64).to(device).expand(len(seeds))
    return philox_uniform(keys, first, lane, length)


def normal_noise(
    seeds: Seeds, start: Start, length: int, *, lane: int = 0, device: torch.device | str = "cpu"
) -> Float[Tensor, "batch length"]:
    """Standard normal draws, float32, by the inverse CDF of `uniform_noise`."""
    return torch.special.ndtri(uniform_noise(seeds, start, length, lane=lane, device=device)).float()


def logistic_noise(
    seeds: Seeds, start: Start, length: int, *, lane: int = 0, device: torch.device | str = "cpu"
) -> Float[Tensor, "batch length"]:
    """Standard logistic draws, float32, by the inverse CDF of `uniform_noise`."""
    return torch.logit(uniform_noise(seeds, start, length, lane=lane, device=device)).float()
