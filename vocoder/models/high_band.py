"""The band above a mel's last one, of which no mel says anything."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vocoder.errors import ConfigError
from vocoder.mel import MelSpec
from vocoder.models.air_kernels import filter_rows
from vocoder.noise import Seeds, normal_noise

REACH = 24
"""Samples on each side that the high-pass takes in, in fours."""
KAISER_BETA = 6.0
STEEPNESS = 0.04
"""Half the width of the transition by the sample rate: 60 dB down so far below the mel's end."""
LANE = 2  # of the counter-based noise: apart from all that flows are given


def high_band_noise(
    seeds: Seeds,
    position: Int[Tensor, "batch"],
    length: int,
    taps: Float[Tensor, "tap"],
) -> Float[Tensor, "batch length"]:
    """Normal noise of variance 1 from sample `position` on, through `taps`, where these are.

    Sample t depends on the seed and t alone, as all noise here.
    """
    return high_band(normal_noise(seeds, position, length + 2 * REACH, lane=LANE, device=taps.device), taps)


def high_band(
    signal: Float[Tensor, "batch sample_and_reach"], taps: Float[Tensor, "tap"]
) -> Float[Tensor, "batch sample"]:
    """What of float32 samples lies above the mel's end; `REACH` on each side come out as none."""
    if signal.device.type != "cpu":
        return convolve(signal, taps)
    out = np.empty((len(signal), signal.shape[1] - 2 * REACH), np.float32)
    filter_rows(out, signal.numpy(), taps.numpy())
    return torch.from_numpy(out)


def convolve(signal: Tensor, taps: Tensor) -> Tensor:
    """As `filter_rows`, on any device."""
    with torch.autocast(signal.device.type, enabled=False):
        return F.conv1d(signal[:, None], taps.to(signal)[None, None])[:, 0]


def high_pass(mel_spec: MelSpec) -> Float[Tensor, "tap"]:
    """A windowed sinc of 2 · `REACH` + 1 taps, float64, symmetric, 6 dB down at the mel's end.

    Raises:
        ConfigError: the mel reaches up to half the sample rate, or nearer to it than the filter is steep.
    """
    half = mel_spec.sample_rate / 2
    end = half if mel_spec.fmax is None else mel_spec.fmax
    if end > half - STEEPNESS * mel_spec.sample_rate:
        raise ConfigError(
            f"there is no band above a mel up to {end:g} of {half:g} Hz: leave air and voiced_above out"
        )
    times = torch.arange(-REACH, REACH + 1, dtype=torch.float64)
    taps = -end / half * torch.sinc(end / half * times)
    taps[REACH] += 1
    return taps * torch.kaiser_window(2 * REACH + 1, False, KAISER_BETA, dtype=torch.float64)
