"""A round of correction over a few frames in compiled loops: bands are sparse, and small operations dear."""

import math

import numpy as np

from vocoder.compiling import compiled


@compiled
def scale_bands(
    spectra: np.ndarray,
    change: np.ndarray,
    wanted: np.ndarray,
    filterbank: np.ndarray,
    edges: np.ndarray,
    below: np.ndarray,
    share: np.ndarray,
    emphasis: np.ndarray,
    epsilon: np.float32,
    power: int,
    bounds: np.ndarray,
    limit: np.float32,
) -> None:
    """Bring the bands of spectra `[batch, frame, bin, 2]` to what is `wanted`, `[batch, spoken, mel]`.

    It is done in place. `change`, of the shape of `wanted`, is by how much, so far and then after it, at most
    `limit` either way. Band m has bins `edges[m, 0]` to `edges[m, 1]`; bin k lies `share[k]` of the way from
    the centre of band `below[k]` to the next, beyond the last of which nothing changes. `emphasis` is that of
    the bins' energies; magnitudes of bands are told apart within `bounds`.
    """
    batch, spoken, num_mels = wanted.shape
    bins = spectra.shape[2]
    heard = np.empty(bins, np.float32)
    step = np.zeros(num_mels + 1, np.float32)
    for item in range(batch):
        for frame in range(spoken):
            spectrum = spectra[item, frame]
            for k in range(bins):
                energy = spectrum[k, 0] * spectrum[k, 0] + spectrum[k, 1] * spectrum[k, 1]
                heard[k] = energy * emphasis[k] + epsilon
            if power == 1:
                for k in range(bins):
                    heard[k] = np.sqrt(heard[k])
            for m in range(num_mels):
                band = np.float32(0)
                for k in range(edges[m, 0], edges[m, 1]):
                    band += filterbank[m, k] * heard[k]
                level = np.float32(math.log(min(max(band, bounds[0]), bounds[1])) / power)
                before = change[item, frame, m]
                after = min(max(before + wanted[item, frame, m] - level, -limit), limit)
                change[item, frame, m] = after
                step[m] = after - before
            for k in range(bins):
                left, right = step[below[k]], step[below[k] + 1]
                gain = np.exp(left + (right - left) * share[k])
                spectrum[k, 0] *= gain
                spectrum[k, 1] *= gain


@compiled
def join_halves(
    frames: np.ndarray, recent: np.ndarray, middle: np.ndarray, window: np.ndarray, reach: int
) -> np.ndarray:
    """Give frames `[batch, frame, window]` in their first half what they and those before come to.

    It is done in place. `recent` `[batch, known, middle]` are the middles of the frames before. Returns the
    last ones, at most `reach`; the first frames of all, with fewer before them, stay as they are.
    """
    batch, count, size = frames.shape
    known, width = recent.shape[1], len(middle)
    hop, half = width // 2, size // 2
    margin = half - hop
    middles = np.empty((batch, known + count, width), frames.dtype)
    middles[:, :known] = recent
    for item in range(batch):
        for i in range(count):
            for j in range(width):
                middles[item, known + i, j] = frames[item, i, margin + j] * middle[j]
        for i in range(max(0, reach - known), count):
            begin = (known + i + 1) * hop - half  # of the frame, after the beginning of the first middle
            for k in range(begin // hop, known + i + 1):
                for place in range(max(begin, k * hop), (k + 1) * hop):
                    sample = middles[item, k, place - k * hop] + middles[item, k - 1, place - k * hop + hop]
                    frames[item, i, place - begin] = sample * window[place - begin]
    return middles[:, max(0, known + count - reach) :].copy()
