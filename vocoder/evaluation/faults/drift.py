"""Level drift: the voice grows louder or softer than the recording, over seconds."""

import numpy as np
from jaxtyping import Bool, Float

from vocoder.errors import AudioError
from vocoder.evaluation.faults.detector import Detector, Event, Found, Heard, stretches

BLOCK_SECONDS, HOP_SECONDS = 0.1, 0.025
"""A sound each: in longer blocks the loudest sound decides when the level was taken."""
SLOPE_SECONDS = 2.0
"""A few words: faster changes are errors of single sounds, which spectral distances count."""
SOUNDING_DB = -30.0
"""Of the recording's loud blocks: what is quieter says nothing of the gain."""
LEAST_SOUND = 0.6
"""Share of a slope's blocks that must sound."""
THRESHOLD = 1.0
"""dB/s: 2 dB over the two seconds, twice the just noticeable difference of level."""


def find_drift(heard: Heard) -> Found:
    """Where the difference of level to the recording changes by 1 dB/s or more, as a line through 2 s.

    Strength: the steepest slope, dB/s, positive where the voice grows. Rate: share of the slopes.
    """
    slopes = gain_slopes(heard.pair.reference, heard.pair.generated, heard.pair.sample_rate)
    known = np.isfinite(slopes)
    steep = known & (np.abs(np.nan_to_num(slopes)) >= THRESHOLD)
    events = []
    for stretch in stretches(steep):
        worst = stretch.start + int(np.abs(slopes[stretch]).argmax())
        events.append(Event(SLOPE_SECONDS / 2 + HOP_SECONDS * worst, float(slopes[worst])))
    return Found(tuple(events), steep.sum() / known.sum() if known.any() else np.nan)


def gain_slopes(
    reference: Float[np.ndarray, "sample"], generated: Float[np.ndarray, "sample"], sample_rate: int
) -> Float[np.ndarray, "place"]:
    """Slope of the level difference over 2 s in dB/s, every 25 ms; NaN where less than 60 % sounds.

    Raises:
        AudioError: shorter than 2 s.
    """
    block, hop = round(BLOCK_SECONDS * sample_rate), round(HOP_SECONDS * sample_rate)
    if len(reference) < SLOPE_SECONDS * sample_rate:
        raise AudioError(
            f"drift is sought in {SLOPE_SECONDS} s or more, {len(reference) / sample_rate:.2f} came"
        )
    levels, own = (_levels(audio, block, hop) for audio in (reference, generated))
    sounding = levels > np.quantile(levels, 0.95) + SOUNDING_DB
    size = round((SLOPE_SECONDS - BLOCK_SECONDS) / HOP_SECONDS)
    windows = np.lib.stride_tricks.sliding_window_view
    return np.array(
        [_slope(d, s) for d, s in zip(windows(own - levels, size), windows(sounding, size), strict=True)]
    )


def _slope(gain: Float[np.ndarray, "block"], sounding: Bool[np.ndarray, "block"]) -> float:
    if sounding.mean() < LEAST_SOUND:
        return np.nan
    seconds = HOP_SECONDS * np.flatnonzero(sounding)
    seconds = seconds - seconds.mean()
    return float(seconds @ gain[sounding] / (seconds @ seconds))


def _levels(audio: Float[np.ndarray, "sample"], block: int, hop: int) -> Float[np.ndarray, "block"]:
    """Of blocks, in dB of full scale."""
    total = np.pad(np.cumsum(audio**2), (1, 0))
    starts = np.arange(0, len(audio) - block + 1, hop)
    return 10 * np.log10(np.maximum(total[starts + block] - total[starts], 0) / block + 1e-12)


DRIFT = Detector(
    "drift",
    "level drift",
    "dB/s",
    "the time",
    "the level moves away from the recording's, as a line through two seconds",
    find_drift,
)
