"""Clicks: single samples that neither the past nor the neighbourhood explains, and the recording lacks."""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import maximum_filter1d

from vocoder.errors import AudioError
from vocoder.evaluation.faults.detector import Detector, Event, Found, Heard

ORDER = 32
FRAME_SECONDS = 0.04
AROUND_SECONDS = 0.020
"""To each side: more than a period of any voice above 50 Hz, so that its pulses meet each other."""
GUARD_SECONDS = 0.0015
"""To each side of the peak: belongs to the click itself."""
THRESHOLD_DB = 8.0
"""Of 2 × 400 Gaussian residuals the largest stands 8 dB over the next less than once in 10^9 frames."""
EXCESS_DB = 5.0
"""Over what the recording has at that place, as a peak among others and in size: a burst of its own is no
fault, nor is a copy of it without the smaller ones beside it, as when a stop is released."""
REACH_SECONDS = 0.010
"""How far the recording's own burst may lie: the resolution of a mel frame."""
FLOOR = 2e-4
"""Residuals below six steps of 16-bit PCM are silence."""
WHITENING = 1e-7
"""Of the frame's energy, added to it as white noise, so that the prediction of a pure tone is defined."""


def find_clicks(heard: Heard) -> Found:
    """Peaks of the prediction residual 8 dB above all others within 20 ms.

    In that and in size they are 5 dB above the recording's. The time is that of the sample. Not looked at are
    the first and the last 30 ms (and 32 samples): with less around it, the first sample of a clip that was
    cut out of a sound stands out by itself. So a voice that begins or ends with a jump is not heard here. The
    rate is over the whole clip.

    Raises:
        AudioError: less than two frames of 40 ms.
    """
    rate = heard.pair.sample_rate
    size, recorded = (np.abs(residual(audio, rate)) for audio in (heard.pair.generated, heard.pair.reference))
    beside = round(REACH_SECONDS * rate)
    own, reach = prominence(size, rate), 2 * beside + 1
    excuse = maximum_filter1d(prominence(recorded, rate), reach)
    larger = 20 * np.log10(np.maximum(size, 1e-9) / np.maximum(maximum_filter1d(recorded, reach), 1e-9))
    is_click = (own >= THRESHOLD_DB) & (np.minimum(own - np.maximum(excuse, 0), larger) >= EXCESS_DB)
    highest = own == maximum_filter1d(own, 2 * round(GUARD_SECONDS * rate) + 1)
    edge = ORDER + round(AROUND_SECONDS * rate) + beside
    places = edge + np.flatnonzero((is_click & highest)[edge : len(own) - edge])
    events = tuple(Event(place / rate, float(own[place])) for place in places)
    return Found(events, 60 * len(events) / heard.seconds)


def prominence(size: Float[np.ndarray, "sample"], sample_rate: int) -> Float[np.ndarray, "sample"]:
    """How far each sample of the prediction residual's size stands above the largest within 20 ms, in dB.

    -inf where the clip, or the residual after its first 32 samples, has less than 20 ms on a side.
    """
    guard, around = (round(seconds * sample_rate) for seconds in (GUARD_SECONDS, AROUND_SECONDS))
    length = around - guard
    shift = guard + length // 2 + 1
    beside = maximum_filter1d(np.pad(size, shift), length)
    largest = np.maximum(beside[: -2 * shift], beside[2 * shift :])
    above = 20 * np.log10(np.maximum(size, 1e-9) / np.maximum(largest, FLOOR))
    above[: ORDER + around] = above[len(size) - around :] = -np.inf
    return above


def residual(audio: Float[np.ndarray, "sample"], sample_rate: int) -> Float[np.ndarray, "sample"]:
    """What linear prediction of order 32 (autocorrelation method, Hann window of 40 ms) leaves over.

    0 for the first 32 samples, which have too short a past. Frames lie inside the clip.

    Raises:
        AudioError: shorter than two frames.
    """
    hop = round(FRAME_SECONDS * sample_rate / 2)
    if len(audio) < 4 * hop:
        raise AudioError(f"clicks are sought in {4 * hop} samples or more, {len(audio)} came")
    count = -(-len(audio) // hop)
    begins = hop * np.arange(count) - hop // 2  # the frame's middle half is the hop it predicts
    begins = np.clip(begins, 0, len(audio) - 2 * hop)
    frames = np.lib.stride_tricks.sliding_window_view(audio, 2 * hop)[begins]
    filters = _whitening_filters(frames * np.hanning(2 * hop))
    padded = np.pad(audio, (ORDER, count * hop - len(audio)))
    contexts = np.lib.stride_tricks.sliding_window_view(padded, hop + ORDER)[::hop]
    taps = np.lib.stride_tricks.sliding_window_view(contexts, ORDER + 1, axis=1)
    error = np.einsum("fnk,fk->fn", taps, filters[:, ::-1]).ravel()[: len(audio)]
    error[:ORDER] = 0
    return error


def _whitening_filters(frames: Float[np.ndarray, "frame sample"]) -> Float[np.ndarray, "frame tap"]:
    """1, -a1, …, -a32 of each frame, from the normal equations."""
    spectra = np.fft.rfft(frames, 2 * frames.shape[1], axis=1)
    correlation = np.fft.irfft(np.abs(spectra) ** 2, axis=1)[:, : ORDER + 1]
    correlation[:, 0] = correlation[:, 0] * (1 + WHITENING) + 1e-9
    lags = np.abs(np.subtract.outer(np.arange(ORDER), np.arange(ORDER)))
    weights = np.linalg.solve(correlation[:, lags], correlation[:, 1:, None])[..., 0]
    return np.concatenate([np.ones((len(frames), 1)), -weights], axis=1)


CLICKS = Detector(
    "clicks",
    "clicks",
    "dB",
    None,
    "a peak of the linear prediction residual, in dB over all others within 20 ms, that the recording lacks",
    find_clicks,
)
