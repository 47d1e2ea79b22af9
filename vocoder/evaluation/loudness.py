"""Loudness as broadcasters measure it: ITU-R BS.1770-4, one channel."""

import numpy as np
from jaxtyping import Float
from scipy.signal import lfilter

ABSOLUTE_GATE = -70.0  # LUFS: quieter blocks are silence
RELATIVE_GATE = -10.0  # LU below the mean of what passes the absolute gate
OFFSET = -0.691  # makes a 997 Hz sine at full scale read -3.01 LUFS
BLOCK_SECONDS = 0.4
OVERLAP = 4  # blocks start every quarter of their length


def loudness(audio: Float[np.ndarray, "sample"], sample_rate: int) -> float:
    """Integrated loudness in LUFS of audio in [-1, 1]; minus infinity for silence.

    K-weighting, mean square over blocks of 0.4 s, then the absolute and the relative gate (BS.1770-4,
    eq. 5 to 7). Audio shorter than one block is one block.
    """
    block = min(int(BLOCK_SECONDS * sample_rate), len(audio))
    if block == 0:
        return -np.inf
    squared = _k_weighted(audio, sample_rate) ** 2
    blocks = np.lib.stride_tricks.sliding_window_view(squared, block)[:: max(block // OVERLAP, 1)]
    power = blocks.mean(axis=1)
    power = power[_lufs(power) > ABSOLUTE_GATE]
    if power.size == 0:
        return -np.inf
    return float(_lufs(power[_lufs(power) > _lufs(power.mean()) + RELATIVE_GATE].mean()))


def k_weighting(sample_rate: int) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The two filters (numerator, denominator) of BS.1770: the head's high shelf, then the high-pass.

    The standard tabulates them at 48 kHz; here they are designed for any rate from the analog prototypes
    behind that table (De Man 2014, "Evaluation of implementations of the EBU R128 loudness measurement").
    """
    gain, q = 10 ** (3.999843853973347 / 20), 0.7071752369554196
    w = np.tan(np.pi * 1681.974450955533 / sample_rate)
    band = gain**0.4996667741545416
    scale = 1 + w / q + w * w
    poles = np.array([scale, 2 * (w * w - 1), 1 - w / q + w * w]) / scale
    shelf = np.array([gain + band * w / q + w * w, 2 * (w * w - gain), gain - band * w / q + w * w]) / scale

    q, w = 0.5003270373238773, np.tan(np.pi * 38.13547087602444 / sample_rate)
    scale = 1 + w / q + w * w
    high_pass = np.array([scale, 2 * (w * w - 1), 1 - w / q + w * w]) / scale
    return (shelf, poles), (np.array([1.0, -2.0, 1.0]), high_pass)


def _k_weighted(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    for numerator, denominator in k_weighting(sample_rate):
        audio = lfilter(numerator, denominator, audio)
    return audio


def _lufs(power: np.ndarray | np.floating) -> np.ndarray | np.floating:
    with np.errstate(divide="ignore"):
        return OFFSET + 10 * np.log10(power)
