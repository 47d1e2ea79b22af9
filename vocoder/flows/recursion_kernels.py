"""Compiled loops over samples: the band of a triangular map solved forwards and, transposed, backwards."""

import numpy as np

from vocoder.compiling import compiled


@compiled
def solve_rows(buffer: np.ndarray, taps: np.ndarray, hop_length: int) -> None:
    """In place: `buffer` holds K - 1 known z, then x, which becomes z. Taps are reversed once a hop."""
    num_taps = taps.shape[2]
    history = num_taps - 1
    left, slope = np.empty(history, buffer.dtype), np.empty(history, buffer.dtype)
    for row in range(buffer.shape[0]):
        line = buffer[row]
        for knot in range((line.shape[0] - history) // hop_length):
            first, step = taps[row, knot, 0], (taps[row, knot + 1, 0] - taps[row, knot, 0]) / hop_length
            for k in range(history):
                left[k] = taps[row, knot, history - k]
                slope[k] = (taps[row, knot + 1, history - k] - left[k]) / hop_length
            for r in range(hop_length):
                t = knot * hop_length + r
                steady = buffer.dtype.type(0)
                moving = buffer.dtype.type(0)
                for k in range(history):
                    steady += left[k] * line[t + k]
                    moving += slope[k] * line[t + k]
                line[t + history] = (line[t + history] - steady - r * moving) / (first + r * step)


@compiled
def solve_rows_transposed(buffer: np.ndarray, taps: np.ndarray, hop_length: int) -> None:
    """In place, backwards in time: solve A^T w = g; each w_t is taken out of the K - 1 samples before it."""
    history = taps.shape[2] - 1
    for row in range(buffer.shape[0]):
        line = buffer[row]
        for t in range(line.shape[0] - history - 1, -1, -1):
            knot, r = divmod(t, hop_length)
            share = buffer.dtype.type(r / hop_length)
            left, right = taps[row, knot], taps[row, knot + 1]
            value = line[t + history] / (left[0] + (right[0] - left[0]) * share)
            line[t + history] = value
            for k in range(1, history + 1):
                line[t + history - k] -= (left[k] + (right[k] - left[k]) * share) * value
