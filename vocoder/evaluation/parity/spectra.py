"""Mel-spectra in dB of a recording and of a voice, frame beside frame, as loud as the voice made them."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from vocoder.errors import InputError
from vocoder.evaluation.alignment import Pair
from vocoder.mel import MelFrontend, MelSpec

HOP_SECONDS, WINDOW_SECONDS = 0.005, 0.025
NUM_BANDS = 40
FMIN = 50.0
RANGE_DB = 80.0
"""Below the recording's loudest band: what is quieter in either counts as this quiet."""


@dataclass(frozen=True)
class Spectra:
    """In dB, frame i around `seconds[i]` of the recording."""

    reference: Float[np.ndarray, "mel frame"]
    generated: Float[np.ndarray, "mel frame"]
    seconds: Float[np.ndarray, "frame"]


def spectra_of(pair: Pair, ceiling: float) -> Spectra:
    """The powers of 40 mel bands between 50 and `ceiling` Hz, in dB, over 25 ms, every 5 ms.

    The level that `align` took from the voice is given back. No band is below 80 dB under the loudest of the
    recording.

    Raises:
        InputError: shorter than a window, or a ceiling that the rate does not have.
    """
    spec = _spec(pair.sample_rate, ceiling)
    gain = 0.0 if np.isnan(pair.loudness_difference) else pair.loudness_difference
    bands = MelFrontend(spec)
    reference, generated = (
        bands(torch.from_numpy(audio)).double().numpy()
        for audio in (pair.reference, pair.generated * 10 ** (gain / 20))
    )
    frames = np.arange(reference.shape[1])
    begin = max(-pair.lag, 0)  # `align` cuts the recording there where the voice came early
    seconds = (begin + spec.frame_centre + frames * spec.hop_length) / pair.sample_rate
    floor = max(reference.max() * 10 ** (-RANGE_DB / 10), np.finfo(float).tiny)
    return Spectra(_decibel(reference, floor), _decibel(generated, floor), seconds)


def _decibel(power: np.ndarray, floor: float) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, floor))


def _spec(sample_rate: int, ceiling: float) -> MelSpec:
    if not FMIN < ceiling <= sample_rate / 2:
        raise InputError(
            f"ceiling {ceiling:g} Hz: must be above {FMIN:g} Hz and at most half the rate, "
            f"{sample_rate / 2:g} Hz"
        )
    window = round(WINDOW_SECONDS * sample_rate)
    return MelSpec(
        sample_rate=sample_rate,
        n_fft=2 ** int(np.ceil(np.log2(window))),
        win_length=window,
        hop_length=round(HOP_SECONDS * sample_rate),
        padding=0,
        num_mels=NUM_BANDS,
        mel_norm="none",
        fmin=FMIN,
        fmax=ceiling,
        power=2,
        log_base="none",
        floor=0.0,
    )
