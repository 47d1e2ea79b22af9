"""Tones that a voice adds where a recording is silent: the whine of flows over groups of samples."""

import math

import numpy as np
from jaxtyping import Float

N_FFT, HOP = 2048, 512
PAUSE_DB = -35.0
"""Of the recording's loudest frames: what is below counts as a pause."""
NEAR, FAR = 2, 24
"""Bins on each side that belong to a tone, and those against which it is held."""
MIN_FRAMES = 4
FLOOR = 1e-12  # of a bin's power: far below a step of 16-bit PCM


def tonal_artefacts(
    reference: Float[np.ndarray, "sample"], generated: Float[np.ndarray, "sample"], *, group: int = 16
) -> float:
    """The most prominent of the tones at multiples of rate / `group` in the pauses of `reference`, in dB.

    The mean power spectrum of `generated` there: at each multiple, the largest of the bins around it above
    the median of its neighbours. White noise gives about 2 dB (the largest of several), a recording little
    more. NaN where there are fewer than four frames of pause.
    """
    if len(reference) < N_FFT:
        return math.nan
    power = _spectra(reference).sum(axis=1)
    pause = power < np.quantile(power, 0.95) * 10 ** (PAUSE_DB / 10)
    if pause.sum() < MIN_FRAMES:
        return math.nan
    spectrum = _spectra(generated)[pause].mean(axis=0) + FLOOR
    places = [round(k * N_FFT / group) for k in range(1, (group + 1) // 2)]
    return max(_prominence(spectrum, place) for place in places)


def _prominence(spectrum: Float[np.ndarray, "bin"], place: int) -> float:
    tone = spectrum[place - NEAR : place + NEAR + 1].max()
    below = spectrum[max(1, place - FAR) : place - NEAR]
    above = spectrum[place + NEAR + 1 : place + FAR + 1]
    return float(10 * np.log10(tone / np.median(np.concatenate([below, above]))))


def _spectra(audio: Float[np.ndarray, "sample"]) -> Float[np.ndarray, "frame bin"]:
    """Power spectra of Hann-windowed frames."""
    frames = np.lib.stride_tricks.sliding_window_view(audio.astype(np.float64), N_FFT)[::HOP]
    window = np.hanning(N_FFT)
    return np.abs(np.fft.rfft(frames * window / np.sqrt((window**2).sum()), axis=1)) ** 2
