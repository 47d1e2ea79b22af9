"""The band above 8 kHz, where most mels end and PESQ, ESTOI and DNSMOS are deaf."""

import numpy as np
from jaxtyping import Bool, Float

from vocoder.errors import AudioError, InputError

BAND = 8_000.0, 10_000.0  # Hz; speech recorded at 22,050 Hz or more has it
WINDOW_SECONDS, HOP_SECONDS = 0.046, 0.0116
SOUNDS = 30.0  # dB below the 95th percentile of the levels: softer frames are pauses
EMPTY = -95.0  # dB of full scale: softer is a recording of a lower rate, or coded without that band


def upper_band_difference(
    reference: Float[np.ndarray, "sample"], generated: Float[np.ndarray, "other_sample"], sample_rate: int
) -> float:
    """How much louder than in the recording the band from 8 to 10 kHz is, in dB.

    The median over the frames in which the recording sounds; 0 for its equal.

    Raises:
        InputError: signals of different lengths.
        AudioError: a sample rate below 20 kHz, less than a window, or a recording without that band.
    """
    if len(reference) != len(generated):
        raise InputError(f"{len(reference)} and {len(generated)} samples: align the audio first")
    (whole, upper), (_, other) = (band_levels(audio, sample_rate) for audio in (reference, generated))
    here = sounds(whole)
    if np.median(upper[here]) < EMPTY:
        raise AudioError(f"the recording has nothing above {BAND[0]:g} Hz, so nothing can be compared there")
    return float(np.median(other[here] - upper[here]))


def band_levels(
    audio: Float[np.ndarray, "sample"], sample_rate: int
) -> tuple[Float[np.ndarray, "frame"], Float[np.ndarray, "frame"]]:
    """The power of each frame in dB of full scale: all of it, and that from 8 to 10 kHz.

    Raises:
        AudioError: a sample rate below 20 kHz, or less than a window.
    """
    if sample_rate < 2 * BAND[1]:
        raise AudioError(
            f"the band up to {BAND[1]:g} Hz needs {2 * BAND[1]:g} samples a second, {sample_rate} came"
        )
    length = round(WINDOW_SECONDS * sample_rate)
    if len(audio) < length:
        raise AudioError(f"the band above {BAND[0]:g} Hz needs {length} samples, {len(audio)} came")
    window = np.hanning(length)
    frames = np.lib.stride_tricks.sliding_window_view(audio, length)[:: round(HOP_SECONDS * sample_rate)]
    power = np.abs(np.fft.rfft(frames * window)) ** 2 * 2 / (length * (window**2).sum())
    frequency = np.fft.rfftfreq(length, 1 / sample_rate)
    inside = (frequency >= BAND[0]) & (frequency < BAND[1])
    whole, upper = (10 * np.log10(part.sum(axis=1) + 1e-15) for part in (power, power[:, inside]))
    return whole, upper


def sounds(levels: Float[np.ndarray, "frame"]) -> Bool[np.ndarray, "frame"]:
    """Which frames are no pauses."""
    return levels > np.percentile(levels, 95) - SOUNDS
