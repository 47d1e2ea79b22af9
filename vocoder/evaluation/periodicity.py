"""How buzzy or how breathy: the share of the sound that repeats from one period to the next."""

import numpy as np
from jaxtyping import Float
from scipy.fft import irfft, next_fast_len, rfft

from vocoder.errors import AudioError, InputError
from vocoder.evaluation.pitch import CEILING_HZ, FLOOR_HZ, FRAME_PERIOD_MS

WINDOW_PERIODS = 2  # of the lowest pitch: what a frame is compared over
FLOOR = 1e-6  # of the loudest frame: 60 dB down, sound counts as silence
TINY = 1e-30  # makes the quotient of digital silence 0
BLOCK = 512  # frames at a time, so that memory does not grow with the clip


def periodicity(audio: Float[np.ndarray, "sample"], sample_rate: int) -> Float[np.ndarray, "frame"]:
    """The share of a frame's energy that comes again one period later, 0 to 1, every 5 ms.

    The highest peak over lags k of 1/800 to 1/71 s of the normalised cross-correlation
    Σ x[t] x[t + k] / √(Σ x[t]² Σ x[t + k]²), t over 28 ms (Talkin 1995, "A robust algorithm for pitch
    tracking"), between lags by a parabola. Of a tone in white noise it is the tone's share of the power; of
    noise alone about 0.1, the highest of many chance peaks; of silence 0, by a floor 60 dB below the loudest
    frame. No tracker decides what is voiced, and no optional package is needed.

    Raises:
        AudioError: shorter than one frame (42 ms).
    """
    shortest, longest = int(sample_rate / CEILING_HZ), int(np.ceil(sample_rate / FLOOR_HZ)) + 1
    window = WINDOW_PERIODS * round(sample_rate / FLOOR_HZ)
    length = window + longest
    if len(audio) < length:
        raise AudioError(f"periodicity needs {length} samples, {len(audio)} came: use a longer clip")
    wave = np.asarray(audio, dtype=np.float64)
    starts = np.arange(0, len(wave) - length + 1, sample_rate * FRAME_PERIOD_MS / 1000).astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(wave, length)
    floor = max(FLOOR * _energies(wave[None], window).max(), TINY)
    blocks = np.split(starts, range(BLOCK, len(starts), BLOCK))
    return np.concatenate(
        [_highest_peak(_normalised(frames[b], window, floor)[:, shortest - 1 :]) for b in blocks]
    )


def periodicity_error(
    reference: Float[np.ndarray, "frame"], generated: Float[np.ndarray, "other_frame"]
) -> float:
    """Root mean square difference of two tracks of `periodicity`, 0 to 1, over all frames.

    The figure of Morrison et al. 2022 ("Chunked autoregressive GAN for conditional waveform synthesis"), who
    take the periodicity from a neural pitch tracker instead: the two numbers are not to be compared.

    Raises:
        InputError: tracks of different lengths.
    """
    if len(reference) != len(generated):
        raise InputError(f"tracks of {len(reference)} and {len(generated)} frames: align the audio first")
    return float(np.sqrt(np.mean((reference - generated) ** 2)))


def _normalised(frames: np.ndarray, window: int, floor: float) -> np.ndarray:
    """The cross-correlation of the first `window` samples with those `k` later, for each lag k that fits."""
    size = next_fast_len(frames.shape[1] + window, real=True)
    head = rfft(frames[:, :window], size)
    correlation = irfft(np.conj(head) * rfft(frames, size), size)[:, : frames.shape[1] - window + 1]
    energy = _energies(frames, window)
    return correlation / (np.sqrt(energy[:, :1] * energy) + floor)


def _energies(signals: np.ndarray, window: int) -> np.ndarray:
    """Σ of x[t + k]² over `window` samples t, for each k."""
    total = np.pad(np.cumsum(signals**2, axis=1), ((0, 0), (1, 0)))
    return np.maximum(total[:, window:] - total[:, :-window], 0.0)  # a difference of sums may round below 0


def _highest_peak(values: np.ndarray) -> np.ndarray:
    """The highest local maximum of each row, between its neighbours by a parabola; 0 where there is none."""
    before, here, after = values[:, :-2], values[:, 1:-1], values[:, 2:]
    is_peak = (here > before) & (here >= after)
    curvature = np.where(is_peak, before - 2 * here + after, -1.0)
    tops = np.where(is_peak, here - (before - after) ** 2 / (8 * curvature), 0.0)
    return np.clip(tops.max(axis=1), 0.0, 1.0)
