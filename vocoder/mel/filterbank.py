"""The triangles between spectrum and mel, and what passes them at most."""

import math
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from vocoder.mel.spec import MelSpec

_LINEAR_HZ, _KNEE_HZ, _LOG_STEP = 200 / 3, 1000.0, math.log(6.4) / 27
_KNEE_MEL = _KNEE_HZ / _LINEAR_HZ


@lru_cache(maxsize=16)
def mel_filterbank(spec: MelSpec) -> Float[Tensor, "mel bin"]:
    """The triangles of stage 5, `[num_mels, n_fft/2 + 1]` in float64; shared, not to be written to.

    Slaney's scale (Auditory Toolbox, 1998) is linear below 1 kHz, 200/3 Hz a mel, and logarithmic above, 27
    mels for a factor of 6.4; HTK's is 2595 log10(1 + f/700).
    """
    corners = mel_frequencies(spec.num_mels + 2, spec.fmin, spec.fmax, spec.mel_scale)
    bins = torch.arange(spec.n_fft // 2 + 1, dtype=torch.float64) * spec.sample_rate / spec.n_fft
    distance = bins - corners.unsqueeze(1)  # [mel + 2, bin]
    width = corners.diff().unsqueeze(1)
    rising, falling = distance[:-2] / width[:-1], -distance[2:] / width[1:]
    triangles = rising.minimum(falling).clamp(min=0)
    if spec.mel_norm == "slaney":
        triangles *= 2 / (corners[2:] - corners[:-2]).unsqueeze(1)
    return triangles


def mel_frequencies(number: int, low: float, high: float, scale: str) -> Float[Tensor, "number"]:
    """Frequencies in Hz from `low` to `high`, equally far apart on the mel scale, in float64."""
    first, last = _hz_to_mel(torch.tensor([low, high], dtype=torch.float64), scale)
    return _mel_to_hz(torch.linspace(first, last, number, dtype=torch.float64), scale)


def _hz_to_mel(hertz: Tensor, scale: str) -> Tensor:
    if scale == "htk":
        return 2595 * (1 + hertz / 700).log10()
    return torch.where(hertz < _KNEE_HZ, hertz / _LINEAR_HZ, _KNEE_MEL + (hertz / _KNEE_HZ).log() / _LOG_STEP)


def _mel_to_hz(mel: Tensor, scale: str) -> Tensor:
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    return torch.where(mel < _KNEE_MEL, mel * _LINEAR_HZ, _KNEE_HZ * ((mel - _KNEE_MEL) * _LOG_STEP).exp())


@lru_cache(maxsize=16)
def mel_window(spec: MelSpec) -> Float[Tensor, "sample"]:
    """The window of stage 3, `[win_length]` in float64; shared, not to be written to.

    That of lws (Le Roux et al. 2010) is √(h / Σ h) of a Hann window h whose middle lies between two samples,
    the sum over all that overlap at this hop: the same window, applied twice, gives the signal back.
    """
    length, hop = spec.win_length, spec.hop_length
    if spec.window == "hann":
        return torch.hann_window(length, dtype=torch.float64)
    hann = (math.pi * (torch.arange(length, dtype=torch.float64) + 0.5) / length).sin().square()
    overlapping = F.pad(hann, (0, -length % hop)).unflatten(0, (-1, hop)).sum(0)
    return (hann / overlapping.repeat(math.ceil(length / hop))[:length]).sqrt()


def full_scale_energy(spec: MelSpec) -> float:
    """The sum of |STFT|^2 over the bins of a frame of |x| <= 1 at most, both sides (Parseval)."""
    return spec.n_fft * float(mel_window(spec).square().sum()) * (1 + spec.pre_emphasis) ** 2


@lru_cache(maxsize=16)
def loudest_bands(spec: MelSpec) -> Float[Tensor, "mel"]:
    """The linear mel of each band that no waveform in [-1, 1] exceeds (Cauchy-Schwarz on half the energy).

    Shared, not to be written to.
    """
    energy = full_scale_energy(spec) / 2
    filterbank = mel_filterbank(spec)
    with torch.inference_mode(False):  # what is kept may meet gradients later
        return filterbank.amax(dim=1) * energy if spec.power == 2 else filterbank.norm(dim=1) * energy**0.5


def frame_energy(linear: Float[Tensor, "*batch mel frame"], spec: MelSpec) -> Float[Tensor, "*batch frame"]:
    """The energy, relative to full scale, that a frame with this linear mel has at least.

    A band of magnitude y under the triangle w holds (y/|w|)^2 or more, and a bin lies under two triangles.
    """
    loudest = loudest_bands(spec).to(linear).unsqueeze(-1)
    relative = torch.where(loudest > 0, linear / loudest, 0.0)
    return relative.pow(2 / spec.power).sum(dim=-2) / 2
