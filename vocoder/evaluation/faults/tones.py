"""Tones in pauses: lines of the spectrum where the recording has none; at any frequency."""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import maximum_filter1d, median_filter

from vocoder.errors import AudioError
from vocoder.evaluation.faults.detector import Detector, Event, Found, Heard, stretches
from vocoder.evaluation.tones import FAR, HOP, MIN_FRAMES, N_FFT, NEAR, PAUSE_DB

LOWEST_HZ = 150.0
"""Mains hum and the rumble of a room lie below, and few loudspeakers play it."""
THRESHOLD_DB = 12.0
"""The largest of 1,000 bins, means of four half-overlapping frames of noise, stands about 8 dB out."""
EXCESS_DB = 6.0
"""Over the recording's own line there: the harmonics of a vowel's end ring in its pauses, too."""
INAUDIBLE = 1e-10
"""Power a bin, -100 dB of full scale: below a step of 16-bit PCM."""


def find_tones(heard: Heard) -> Found:
    """A pause in which a line stands 12 dB above its neighbours in frequency, and 6 dB above the recording's.

    One event a pause, at its middle: its strongest line. Raises `AudioError` for a clip of less than a frame.
    """
    pair = heard.pair
    if len(pair.reference) < N_FFT:
        raise AudioError(f"tones are sought in {N_FFT} samples or more, {len(pair.reference)} came")
    reference, generated = (_spectra(audio) for audio in (pair.reference, pair.generated))
    power = reference.sum(axis=1)
    pauses = stretches(power < np.quantile(power, 0.95) * 10 ** (PAUSE_DB / 10), MIN_FRAMES)
    lowest = round(LOWEST_HZ * N_FFT / pair.sample_rate)
    events = []
    for pause in pauses:
        own = _prominences(generated[pause].mean(axis=0))[lowest:-NEAR]
        excuse = maximum_filter1d(_prominences(reference[pause].mean(axis=0)), 2 * NEAR + 1)[lowest:-NEAR]
        excess = np.where(own - np.maximum(excuse, 0) >= EXCESS_DB, own, -np.inf)
        if excess.max() >= THRESHOLD_DB:
            middle = ((pause.start + pause.stop - 1) * HOP + N_FFT) / 2
            events.append(Event(middle / pair.sample_rate, float(excess.max())))
    return Found(tuple(events), 60 * len(events) / heard.seconds)


def _prominences(spectrum: Float[np.ndarray, "bin"]) -> Float[np.ndarray, "bin"]:
    """Each bin above the median of the 24 to each side, in dB."""
    power = spectrum + INAUDIBLE
    return 10 * np.log10(power / median_filter(power, 2 * FAR + 1))


def _spectra(audio: Float[np.ndarray, "sample"]) -> Float[np.ndarray, "frame bin"]:
    """Power spectra of Hann-windowed frames: of a tone of amplitude a, a²/4 at its bin."""
    frames = np.lib.stride_tricks.sliding_window_view(audio, N_FFT)[::HOP]
    window = np.hanning(N_FFT)
    return np.abs(np.fft.rfft(frames * window / window.sum(), axis=1)) ** 2


TONES = Detector(
    "tones",
    "tones in pauses",
    "dB",
    None,
    "a line of the spectrum in a pause, in dB over its neighbours, that the recording lacks",
    find_tones,
)
