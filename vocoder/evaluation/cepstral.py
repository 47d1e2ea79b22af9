"""Mel-cepstral distortion, by one stated recipe: its value depends on the recipe more than on the voice."""

from functools import cache

import numpy as np
from jaxtyping import Float
from scipy.signal import lfilter

from vocoder.errors import AudioError, InputError
from vocoder.evaluation.extras import optional

SAMPLE_RATE = 22_050
FRAME_PERIOD_MS = 5.0
ORDER = 13
WARPING = 0.65
FFT_SIZE = 512
FLOOR = 1e-8
DECIBELS = 10 / np.log(10) * np.sqrt(2)


def mel_cepstrum(
    audio: Float[np.ndarray, "sample"], sample_rate: int
) -> Float[np.ndarray, "frame coefficient"]:
    """Mel-cepstra c0 to c13 of audio in [-1, 1] at 22,050 Hz, every 5 ms.

    The recipe of the package `pymcd`: WORLD's envelope (DIO, StoneMask, CheapTrick, FFT of 512), the log of
    its square plus 1e-8, the cepstrum of that, warped by the all-pass of 0.65. (The envelope is a power and
    pymcd takes it for an amplitude; with the floor this lets loud frames count most. Kept, to be comparable.)

    Raises:
        MissingExtra: pyworld (extra `eval`) is not installed.
        InputError: another sample rate.
        AudioError: no audio.
    """
    if sample_rate != SAMPLE_RATE:
        raise InputError(f"this MCD is defined at 22,050 Hz, the audio came at {sample_rate} Hz: resample it")
    if len(audio) == 0:
        raise AudioError("the mel-cepstrum needs audio: the clip is empty")
    pyworld = optional("pyworld", "MCD")
    wave = np.ascontiguousarray(audio, dtype=np.float64)
    coarse, times = pyworld.dio(wave, sample_rate, frame_period=FRAME_PERIOD_MS)
    f0 = pyworld.stonemask(wave, coarse, times, sample_rate)
    envelope = pyworld.cheaptrick(wave, f0, times, sample_rate, fft_size=FFT_SIZE)
    cepstrum = np.fft.irfft(np.log(envelope**2 + FLOOR), axis=1)[:, : FFT_SIZE // 2 + 1]
    cepstrum[:, [0, -1]] /= 2
    return cepstrum @ frequency_warping(FFT_SIZE // 2, ORDER, WARPING)


def mel_cepstral_distortion(
    reference: Float[np.ndarray, "frame coefficient"],
    generated: Float[np.ndarray, "other_frame coefficient"],
    *,
    warp_time: bool = False,
    include_c0: bool = True,
) -> float:
    """Mel-cepstral distortion in dB, 0 for equal cepstra, lower is better (Kubichek 1993).

    The mean over frame pairs of 10/ln 10 · √(2 Σ_d (c_d - c'_d)²), from d = 0 or, without c0, from d = 1.
    Pairs are frame by frame, or, with `warp_time`, those of the dynamic time warping cheapest in c1 and up.

    Raises:
        InputError: the numbers of frames differ and time is not warped.
    """
    if warp_time:
        from librosa.sequence import dtw

        _, path = dtw(reference[:, 1:].T, generated[:, 1:].T)
        reference, generated = reference[path[:, 0]], generated[path[:, 1]]
    if len(reference) != len(generated):
        raise InputError(
            f"the reference has {len(reference)} frames and the other {len(generated)}: "
            "align them first, or pass warp_time=True"
        )
    first = 0 if include_c0 else 1
    distance = np.linalg.norm(reference[:, first:].astype(np.float64) - generated[:, first:], axis=1)
    return float(DECIBELS * distance.mean())


@cache
def frequency_warping(order: int, warped_order: int, alpha: float) -> Float[np.ndarray, "order warped"]:
    """The matrix W of c' = c W, which bends a cepstrum's frequency axis by the all-pass of coefficient α.

    With u = (z⁻¹ - α) / (1 - α z⁻¹), row k holds the coefficients of z⁻ᵏ = ((u + α) / (1 + α u))ᵏ as a power
    series in u (Oppenheim and Johnson 1972).
    """
    rows = [np.eye(1, warped_order + 1)[0]]
    for _ in range(order):
        rows.append(lfilter([alpha, 1.0], [1.0, alpha], rows[-1]))
    return np.stack(rows)
