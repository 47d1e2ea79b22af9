"""Counter-based noise: the draw at audio sample t depends on (seed, t) alone.

Not on chunking, batching, device or number of devices: that is what lets a stream give the very samples
of the whole utterance, and a batch those of its single requests. Philox4x32-10 (Salmon et al. 2011,
"Parallel random numbers: as easy as 1, 2, 3") maps each counter to four 32-bit words in ten rounds of
integer arithmetic, written here with tensor operations so that every device computes the same words.
"""

from collections.abc import Sequence
from operator import index
from typing import SupportsIndex

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vocoder.errors import InputError

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW32 = 0xFFFFFFFF
_ROUNDS = 10
MAX_SEED = 2**63 - 1

Start = int | Int[Tensor, "batch"]


def check_seed(seed: SupportsIndex) -> int:
    """`seed` as a Python integer from 0 to 2^63 - 1; raises `InputError` for anything else."""
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= index(seed) <= MAX_SEED:
        raise InputError(f"seed must be an integer from 0 to {MAX_SEED}, got {seed!r}")
    return index(seed)


def _multiply_32(a: Tensor, constant: int) -> tuple[Tensor, Tensor]:
    """High and low 32 bits of `a * constant`; halves keep every product inside a signed 64-bit integer."""
    low = a * (constant & 0xFFFF)
    high = a * (constant >> 16) + (low >> 16)
    return high >> 16, ((high << 16) | (low & 0xFFFF)) & _LOW32


def philox(counter: Int[Tensor, "*shape 4"], key: Int[Tensor, "*shape 2"]) -> Int[Tensor, "*shape 4"]:
    """Philox4x32-10: 32-bit words of `counter` and `key` (held in int64) to four uniform 32-bit words."""
    x0, x1, x2, x3 = counter.unbind(-1)
    k0, k1 = key.unbind(-1)
    for _ in range(_ROUNDS):
        high0, low0 = _multiply_32(x0, _MULTIPLIERS[0])
        high1, low1 = _multiply_32(x2, _MULTIPLIERS[1])
        x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
        k0, k1 = (k0 + _WEYL[0]) & _LOW32, (k1 + _WEYL[1]) & _LOW32
    return torch.stack([x0, x1, x2, x3], dim=-1)


def uniform_noise(
    seeds: Sequence[int], start: Start, length: int, *, lane: int = 0, device: torch.device | str = "cpu"
) -> Float[Tensor, "batch length"]:
    """Uniform draws in (0, 1), float64, for samples `start … start + length`, one row a seed.

    `start` is one for all, or one a row. `lane` separates independent noises at the same sample. Raises
    `InputError` for a bad seed.
    """
    seed = torch.tensor([check_seed(s) for s in seeds], dtype=torch.int64, device=device)[:, None]
    first = torch.as_tensor(start, dtype=torch.int64).to(device).expand(len(seeds))[:, None]
    blocks = first // 4 + torch.arange((length + 6) // 4, device=device)  # [batch, block of 4 samples]
    low, high, lanes = blocks & _LOW32, blocks >> 32, torch.full_like(blocks, lane)
    counter = torch.stack([low, high, lanes, torch.zeros_like(blocks)], dim=-1)
    key = torch.stack([seed & _LOW32, seed >> 32], dim=-1)
    words = philox(counter, key.expand(-1, blocks.shape[1], -1)).flatten(1)
    words = words.gather(1, first % 4 + torch.arange(length, device=device))
    return (words.double() + 0.5) / 2.0**32


def normal_noise(
    seeds: Sequence[int], start: Start, length: int, *, lane: int = 0, device: torch.device | str = "cpu"
) -> Float[Tensor, "batch length"]:
    """Standard normal draws, float32, by the inverse CDF of `uniform_noise`."""
    return torch.special.ndtri(uniform_noise(seeds, start, length, lane=lane, device=device)).float()


def logistic_noise(
    seeds: Sequence[int], start: Start, length: int, *, lane: int = 0, device: torch.device | str = "cpu"
) -> Float[Tensor, "batch length"]:
    """Standard logistic draws, float32, by the inverse CDF of `uniform_noise`."""
    return torch.logit(uniform_noise(seeds, start, length, lane=lane, device=device)).float()
