"""How well the voice keeps the melody: errors of the fundamental frequency."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from vocoder.errors import AudioError, InputError
from vocoder.evaluation.extras import optional

FLOOR_HZ, CEILING_HZ = 71.0, 800.0
FRAME_PERIOD_MS = 5.0
CENTS_PER_NAT = 1200 / np.log(2)


class PitchError(NamedTuple):
    """Differences of two F0 tracks. NaN where too few frames are voiced in both."""

    rmse_hz: float
    rmse_cents: float
    voicing_error: float
    log_correlation: float


def f0_track(audio: Float[np.ndarray, "sample"], sample_rate: int) -> Float[np.ndarray, "frame"]:
    """Fundamental frequency in Hz every 5 ms, 0 where unvoiced: WORLD's Harvest, 71 to 800 Hz (Morise 2017).

    Raises:
        MissingExtra: pyworld (extra `eval` or `train`) is not installed.
        AudioError: no audio.
    """
    if len(audio) == 0:
        raise AudioError("an F0 track needs audio: the clip is empty")
    wave = np.ascontiguousarray(audio, dtype=np.float64)
    harvest = optional("pyworld", "F0").harvest
    f0, _ = harvest(wave, sample_rate, f0_floor=FLOOR_HZ, f0_ceil=CEILING_HZ, frame_period=FRAME_PERIOD_MS)
    return f0


def pitch_error(
    reference: Float[np.ndarray, "frame"], generated: Float[np.ndarray, "other_frame"]
) -> PitchError:
    """Compare two F0 tracks in Hz (0 = unvoiced), frame by frame.

    RMSE in Hz and in cents (1200 log2 of the ratio) over frames voiced in both; `voicing_error`, the share of
    frames voiced in one alone, 0 to 1; Pearson's correlation of log F0 over frames voiced in both, -1 to 1.

    Raises:
        InputError: tracks of different lengths.
    """
    if len(reference) != len(generated):
        raise InputError(f"F0 tracks of {len(reference)} and {len(generated)} frames: align the audio first")
    both = (reference > 0) & (generated > 0)
    voicing_error = float(np.mean((reference > 0) != (generated > 0)))
    if not both.any():
        return PitchError(np.nan, np.nan, voicing_error, np.nan)
    hertz = reference[both] - generated[both]
    log_reference, log_generated = np.log(reference[both]), np.log(generated[both])
    return PitchError(
        rmse_hz=_rms(hertz),
        rmse_cents=CENTS_PER_NAT * _rms(log_reference - log_generated),
        voicing_error=voicing_error,
        log_correlation=_correlation(log_reference, log_generated),
    )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / norm) if norm > 0 else np.nan
