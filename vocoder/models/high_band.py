"""The band above a mel's last one, of which no mel says anything."""

from functools import lru_cache

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
KAISER_BETA = 6.0  # 60 dB down 0.9 kHz below the mel's end, at 22,050 Hz
LANE = 2  # of the counter-based noise: apart from all that flows are given


def high_band_noise(
    seeds: Seeds, position: Int[Tensor, "batch"], length: int, mel_spec: MelSpec, device: torch.device
) -> Float[Tensor, "batch length"]:
    """Normal noise of variance 1 from sample `position` on, without what lies below the mel's end.

    Sample t depends on the seed and t alone, as all noise here. Raises as `high_pass` does.
    """
    return high_band(normal_noise(seeds, position, length + 2 * REACH, lane=LANE, device=device), mel_spec)


def high_band(
    signal: Float[Tensor, "batch sample_and_reach"], mel_spec: MelSpec
) -> Float[Tensor, "batch sample"]:
    """What of float32 samples lies above the mel's end; `REACH` on each side come out as none.

    Raises as `high_pass` does.
    """
    if signal.device.type != "cpu":
        with torch.autocast(signal.device.type, enabled=False):
            return F.conv1d(signal[:, None], _on(signal.device, mel_spec)[None, None])[:, 0]
    out = np.empty((len(signal), signal.shape[1] - 2 * REACH), np.float32)
    filter_rows(out, signal.numpy(), high_pass(mel_spec).numpy())
    return torch.from_numpy(out)


@lru_cache(maxsize=16)
def high_pass(mel_spec: MelSpec) -> Float[Tensor, "tap"]:
    """A windowed sinc of 2 · `REACH` + 1 taps, float64, symmetric; to be read only.

    Raises:
        ConfigError: the mel reaches up to half the sample rate.
    """
    half = mel_spec.sample_rate / 2
    end = half if mel_spec.fmax is None else mel_spec.fmax
    if end >= half:
        raise ConfigError(
            f"nothing lies above a mel up to {end:g} of {half:g} Hz: leave air and voiced_above out"
        )
    with torch.inference_mode(False):
        times = torch.arange(-REACH, REACH + 1, dtype=torch.float64)
        taps = -end / half * torch.sinc(end / half * times)
        taps[REACH] += 1
        return taps * torch.kaiser_window(2 * REACH + 1, False, KAISER_BETA, dtype=torch.float64)


@lru_cache(maxsize=16)
def _on(device: torch.device, mel_spec: MelSpec) -> Float[Tensor, "tap"]:
    """In float32; kept, as what is recorded on a GPU may copy nothing there."""
    with torch.inference_mode(False):
        return high_pass(mel_spec).float().to(device)
