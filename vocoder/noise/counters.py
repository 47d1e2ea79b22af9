"""Philox4x32-10, a function of a counter and a key in integer arithmetic, on any device.

(Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".) Written with tensor operations, so that
every device computes the same words; for a CPU, where these cost more than what they compute, as a loop too.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from vocoder.noise.philox_kernels import LOW32, MULTIPLIERS, ROUNDS, WEYL, fill_uniform


def _multiply_32(a: Tensor, constant: int) -> tuple[Tensor, Tensor]:
    """High and low 32 bits of `a * constant`; halves keep every product inside a signed 64-bit integer."""
    low = a * (constant & 0xFFFF)
    high = a * (constant >> 16) + (low >> 16)
    return high >> 16, ((high << 16) | (low & 0xFFFF)) & LOW32


def philox(counter: Int[Tensor, "*shape 4"], key: Int[Tensor, "*shape 2"]) -> Int[Tensor, "*shape 4"]:
    """Philox4x32-10: 32-bit words of `counter` and `key` (held in int64) to four uniform 32-bit words."""
    x0, x1, x2, x3 = counter.unbind(-1)
    k0, k1 = key.unbind(-1)
    for _ in range(ROUNDS):
        high0, low0 = _multiply_32(x0, MULTIPLIERS[0])
        high1, low1 = _multiply_32(x2, MULTIPLIERS[1])
        x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
        k0, k1 = (k0 + WEYL[0]) & LOW32, (k1 + WEYL[1]) & LOW32
    return torch.stack([x0, x1, x2, x3], dim=-1)


def philox_uniform(
    seeds: Int[Tensor, "batch"], start: Int[Tensor, "batch"], lane: int, length: int
) -> Float[Tensor, "batch length"]:
    """(word + ½) / 2³² in float64 of the counters `start` to `start + length`, four words a counter block."""
    if seeds.device.type == "cpu":
        out = np.empty((len(seeds), length))
        fill_uniform(out, seeds.numpy(), start.numpy(), lane)
        return torch.from_numpy(out)
    return by_tensors(seeds, start, lane, length)


def by_tensors(
    seeds: Int[Tensor, "batch"], start: Int[Tensor, "batch"], lane: int, length: int
) -> Float[Tensor, "batch length"]:
    """`philox_uniform` on any device."""
    seed, first = seeds[:, None], start[:, None]
    blocks = first // 4 + torch.arange((length + 6) // 4, device=seeds.device)  # [batch, block of 4 samples]
    lanes = torch.full_like(blocks, lane)
    counter = torch.stack([blocks & LOW32, blocks >> 32, lanes, torch.zeros_like(blocks)], dim=-1)
    key = torch.stack([seed & LOW32, seed >> 32], dim=-1)
    words = philox(counter, key.expand(-1, blocks.shape[1], -1)).flatten(1)
    words = words.gather(1, first % 4 + torch.arange(length, device=seeds.device))
    return (words.double() + 0.5) / 2.0**32
