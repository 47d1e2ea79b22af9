"""Air on the CPU: two compiled loops, one for the band and one for what its level follows."""

import math

import numpy as np

from vocoder.compiling import compiled

BLOCK = 256
TURN = 2 * math.pi
COSINE = tuple((-1) ** n * TURN ** (2 * n) / math.factorial(2 * n) for n in range(1, 9))
"""Taylor's series of cos(2πx) in x², from x² on: 1e-6 off at half a turn."""


@compiled
def filter_rows(out: np.ndarray, signal: np.ndarray, taps: np.ndarray) -> None:
    """`out[:, t]` = Σ_k `taps[k]` · `signal[:, t + k]`; symmetric taps, four pairs at a time and the middle.

    Summed in float64, each sample in the same order whatever the length.
    """
    reach = len(taps) // 2
    total, window = np.empty(BLOCK), np.zeros(BLOCK + 2 * reach)
    for row in range(out.shape[0]):
        for start in range(0, out.shape[1], BLOCK):
            size = min(BLOCK, out.shape[1] - start)
            for i in range(size + 2 * reach):
                window[i] = signal[row, start + i]
            for i in range(BLOCK):
                total[i] = taps[reach] * window[i + reach]
            for k in range(0, reach, 4):
                a, b, c, d = taps[k], taps[k + 1], taps[k + 2], taps[k + 3]
                w0, w1, w2, w3 = window[k:], window[k + 1 :], window[k + 2 :], window[k + 3 :]
                last = 2 * reach - k
                v0, v1, v2, v3 = window[last:], window[last - 1 :], window[last - 2 :], window[last - 3 :]
                for i in range(BLOCK):
                    outer = a * (w0[i] + v0[i]) + b * (w1[i] + v1[i])
                    total[i] += outer + (c * (w2[i] + v2[i]) + d * (w3[i] + v3[i]))
            for i in range(size):
                out[row, start + i] = total[i]


@compiled
def swell_rows(
    noise: np.ndarray, step: np.ndarray, voiced: np.ndarray, level: np.ndarray, phase: np.ndarray, hop: int
) -> None:
    """`noise` `[batch, (knots - 1) · hop]` times level · sqrt(1 + voiced · cos 2πφ), in place.

    `step` is F0 in cycles a sample, `phase` `[batch]` φ at the first knot; the others are `[batch, knot]`,
    linear in between. All of these in float64.
    """
    for row in range(len(step)):
        at_knot = phase[row] - math.floor(phase[row])
        for knot in range(step.shape[1] - 1):
            left, slope = step[row, knot], (step[row, knot + 1] - step[row, knot]) / hop
            chance, more = voiced[row, knot], (voiced[row, knot + 1] - voiced[row, knot]) / hop
            loud, louder = level[row, knot], (level[row, knot + 1] - level[row, knot]) / hop
            place = noise[row, knot * hop : (knot + 1) * hop]
            for r in range(hop):
                cycles = at_knot + r * left + 0.5 * r * r * slope
                x = cycles - math.floor(cycles + 0.5)
                y = x * x
                cosine = COSINE[7]
                cosine = COSINE[6] + y * cosine
                cosine = COSINE[5] + y * cosine
                cosine = COSINE[4] + y * cosine
                cosine = COSINE[3] + y * cosine
                cosine = COSINE[2] + y * cosine
                cosine = COSINE[1] + y * cosine
                cosine = 1 + y * (COSINE[0] + y * cosine)
                swell = max(0.0, 1 + (chance + r * more) * cosine)
                place[r] *= (loud + r * louder) * math.sqrt(swell)
            at_knot += hop * (left + step[row, knot + 1]) / 2
            at_knot -= math.floor(at_knot)
