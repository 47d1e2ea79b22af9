"""Philox4x32-10 as a compiled loop over rows of samples, and the constants that define it."""

import numpy as np

from vocoder.compiling import compiled

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
LOW32 = 0xFFFFFFFF
ROUNDS = 10


@compiled
def fill_uniform(out: np.ndarray, seeds: np.ndarray, start: np.ndarray, lane: int) -> None:
    """As `philox_uniform`, into `out`, `[batch, length]` float64; seeds and start are int64."""
    low, shift = np.uint64(LOW32), np.uint64(32)
    for row in range(out.shape[0]):
        seed, first = np.uint64(seeds[row]), start[row]
        for block in range(first // 4, (first + out.shape[1] + 3) // 4):
            x0, x1 = np.uint64(block) & low, np.uint64(block) >> shift
            x2, x3 = np.uint64(lane), np.uint64(0)
            k0, k1 = seed & low, seed >> shift
            for _ in range(ROUNDS):
                p0, p1 = x0 * np.uint64(MULTIPLIERS[0]), x2 * np.uint64(MULTIPLIERS[1])
                x0, x1, x2, x3 = (p1 >> shift) ^ x1 ^ k0, p1 & low, (p0 >> shift) ^ x3 ^ k1, p0 & low
                k0, k1 = (k0 + np.uint64(WEYL[0])) & low, (k1 + np.uint64(WEYL[1])) & low
            words = (x0, x1, x2, x3)
            for i in range(4):
                position = 4 * block + i - first
                if 0 <= position < out.shape[1]:
                    out[row, position] = (np.float64(words[i]) + 0.5) / 2.0**32
