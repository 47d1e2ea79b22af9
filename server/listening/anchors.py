"""The anchors of MUSHRA: the reference without its upper band."""

import numpy as np
from jaxtyping import Float
from scipy.signal import firwin, oaconvolve

LOW, MID = 3500.0, 7000.0
"""Hz, the bandwidths of ITU-R BS.1534-3's low and mid anchor."""

_TRANSITION = 400.0  # Hz beyond the bandwidth
_STOP_DB = 60.0
_BETA = 0.1102 * (_STOP_DB - 8.7)  # of the Kaiser window for that attenuation


def band_limited(audio: Float[np.ndarray, "sample"], sample_rate: int, bandwidth: float) -> np.ndarray:
    """Audio up to `bandwidth` Hz, in step with what came.

    A linear-phase filter, flat to 0.1 dB up to `bandwidth`, at least 25 dB down 500 Hz above it and 50 dB
    down 1 kHz above: what BS.1534 asks of the 3.5 kHz anchor (at 4 and 4.5 kHz).
    """
    taps = anchor_filter(sample_rate, bandwidth)
    half = len(taps) // 2
    return oaconvolve(audio, taps)[half : half + len(audio)]


def anchor_filter(sample_rate: int, bandwidth: float) -> Float[np.ndarray, "tap"]:
    """Taps of the filter: an odd number, symmetric."""
    width = 2 * np.pi * _TRANSITION / sample_rate
    half = int(np.ceil((_STOP_DB - 7.95) / (2.285 * width) / 2))
    return firwin(2 * half + 1, bandwidth + _TRANSITION / 2, window=("kaiser", _BETA), fs=sample_rate)
