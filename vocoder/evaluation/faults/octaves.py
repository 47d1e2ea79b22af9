"""Octave errors of pitch: every second pulse missing, or one too many."""

import numpy as np
from jaxtyping import Float, Int

from vocoder.evaluation.faults.detector import FRAME_SECONDS, Detector, Found, Heard, found_in_frames

WINDOW_SECONDS = 0.025
CLEAR = 0.8
"""Correlation of the recording over one period: below, its own pitch is in doubt."""
THRESHOLD = 0.25
"""Of a correlation, more than the recording's: resonances and moving pitch change it by half of that."""
SHORTEST = 5  # frames of 5 ms: at 200 Hz five periods
TINY = 1e-12


def find_octaves(heard: Heard) -> Found:
    """Stretches of 25 ms or more that repeat after two periods of the recording, or half of one.

    With c(k), the normalised correlation of the sound with itself k later, and T, the recording's period: an
    octave too low is c(2T) - c(T) of the voice above the recording's by 0.25; an octave too high, c(T/2)
    above the recording's by as much while c(T) stays clear. That a tracker errs on the voice plays no role.
    Strength: that difference, on average. Rate: share of the frames with a clear pitch; NaN where none has.
    """
    pitch, rate = heard.pitch, heard.pair.sample_rate
    frames = np.flatnonzero(pitch > 0)
    if frames.size == 0:
        return Found((), np.nan)
    middles, period = frames * FRAME_SECONDS * rate, rate / pitch[frames]
    at = {
        octave: [
            _correlation(audio, middles, np.rint(period * octave).astype(int), rate)
            for audio in (heard.pair.reference, heard.pair.generated)
        ]
        for octave in (0.5, 1, 2)
    }
    low = [two - one for one, two in zip(at[1], at[2], strict=True)]
    too_low = low[1] - np.maximum(low[0], 0)
    too_high = np.where(at[1][1] > CLEAR, at[0.5][1] - np.maximum(at[0.5][0], 0), 0)
    clear, excess = (np.zeros(len(pitch)) for _ in range(2))
    clear[frames] = at[1][0] > CLEAR
    excess[frames] = np.maximum(too_low, too_high)
    faulty = (clear > 0) & (excess >= THRESHOLD)
    return found_in_frames(faulty, excess, clear > 0, shortest=SHORTEST, first=0.0)


def _correlation(
    audio: Float[np.ndarray, "sample"],
    middles: Float[np.ndarray, "frame"],
    lags: Int[np.ndarray, "frame"],
    sample_rate: int,
) -> Float[np.ndarray, "frame"]:
    """Of 25 ms before and after each middle with the same `lag` later, the two laid evenly around it."""
    half = round(WINDOW_SECONDS * sample_rate / 2)
    reach = half + int(lags.max())
    padded = np.pad(audio, reach)
    begins = (middles.astype(int) + reach - half - lags // 2)[:, None] + np.arange(2 * half)
    first, second = padded[begins], padded[begins + lags[:, None]]
    norm = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    return (first * second).sum(axis=1) / (norm + TINY)


OCTAVES = Detector(
    "octaves",
    "octave errors",
    "",
    "voiced frames",
    "the sound repeats after two periods of the recording's pitch, or after half of one",
    find_octaves,
    needs="pyworld",
)
