"""A `FrameNetwork` over a few frames in one compiled loop."""

import math

import numpy as np

from vocoder.compiling import compiled
from vocoder.networks.row_kernels import add_products

EPSILON = 1e-5
"""Added to the variance, as `torch.nn.functional.layer_norm` does."""


@compiled
def stream_frames(
    frames: np.ndarray,
    held: np.ndarray,
    rights: np.ndarray,
    first: np.ndarray,
    first_bias: np.ndarray,
    scales: np.ndarray,
    shifts: np.ndarray,
    times: np.ndarray,
    time_biases: np.ndarray,
    mixes: np.ndarray,
    mix_biases: np.ndarray,
    last: np.ndarray,
    last_bias: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Outputs `[batch, frame, out]` of frames `[batch, frame, in]`, and what takes the place of `held`.

    `held` `[batch, 2 · layer, hidden]` are the last two inputs of each layer; `rights[layer]` is how many
    frames it looks ahead. Matrices are `[in, out]`, `times` of all three taps.
    """
    batch, count, _ = frames.shape
    hidden = first.shape[1]
    seen = np.empty((count + 2, hidden), frames.dtype)
    normal = np.empty((count + 2, hidden), frames.dtype)
    active = np.empty((batch * count, hidden), frames.dtype)
    windows = np.empty((batch * count, 3 * hidden), frames.dtype)
    gated = np.empty((batch * count, 2 * hidden), frames.dtype)
    rows = np.empty((batch * count, hidden), frames.dtype)
    rows[:] = first_bias
    add_products(rows, frames.reshape(batch * count, -1), first)
    following = np.empty_like(held)
    for layer in range(len(rights)):
        ahead = rights[layer]
        for item in range(batch):
            own = rows[item * count : (item + 1) * count]
            seen[:2] = held[item, 2 * layer : 2 * layer + 2]
            seen[2:] = own
            following[item, 2 * layer : 2 * layer + 2] = seen[count:]
            own[:] = seen[2 - ahead : 2 - ahead + count]
            _normalize(normal, seen, scales[layer], shifts[layer])
            for step in range(count):
                for tap in range(3):
                    windows[item * count + step, tap * hidden : (tap + 1) * hidden] = normal[step + tap]
        gated[:] = time_biases[layer]
        add_products(gated, windows, times[layer])
        _glu(active, gated)
        rows += mix_biases[layer]
        add_products(rows, active, mixes[layer])
    outputs = np.empty((batch * count, last.shape[1]), frames.dtype)
    outputs[:] = last_bias
    add_products(outputs, rows, last)
    return outputs.reshape(batch, count, -1), following


@compiled
def _normalize(out: np.ndarray, rows: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> None:
    """Each row to mean 0 and variance 1, then `scale` and `shift`."""
    for row in range(len(rows)):
        x, y = rows[row], out[row]
        mean = x.mean()
        variance = x.dtype.type(0)
        for j in range(len(x)):
            variance += (x[j] - mean) * (x[j] - mean)
        slope = x.dtype.type(1 / math.sqrt(variance / len(x) + EPSILON))
        for j in range(len(x)):
            y[j] = (x[j] - mean) * slope * scale[j] + shift[j]


@compiled
def _glu(out: np.ndarray, gated: np.ndarray) -> None:
    """a · σ(b) of each row [a, b]."""
    rows, half = out.shape
    one = out.dtype.type(1)
    for row in range(rows):
        for j in range(half):
            out[row, j] = gated[row, j] / (one + np.exp(-gated[row, half + j]))
