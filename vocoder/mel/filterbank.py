"""The triangles between spectrum and mel, and what passes them at most."""

from functools import lru_cache

import torch
from jaxtyping import Float
from librosa.filters import mel as librosa_triangles
from torch import Tensor

from vocoder.mel.spec import MelSpec


@lru_cache(maxsize=64)
def mel_filterbank(spec: MelSpec) -> Float[Tensor, "mel bin"]:
    """The triangles of stage 5, `[num_mels, n_fft/2 + 1]` in float64; shared, not to be written to.

    Slaney's scale is linear below 1 kHz and logarithmic above; HTK's is 2595 log10(1 + f/700).
    """
    triangles = librosa_triangles(
        sr=spec.sample_rate,
        n_fft=spec.n_fft,
        n_mels=spec.num_mels,
        fmin=spec.fmin,
        fmax=spec.fmax,
        htk=spec.mel_scale == "htk",
        norm="slaney" if spec.mel_norm == "slaney" else None,
        dtype="float64",
    )
    return torch.from_numpy(triangles)


@lru_cache(maxsize=64)
def mel_window(spec: MelSpec) -> Float[Tensor, "sample"]:
    """The periodic Hann window of stage 3, `[win_length]` in float64; shared, not to be written to."""
    return torch.hann_window(spec.win_length, dtype=torch.float64)


def full_scale_energy(spec: MelSpec) -> float:
    """The sum of |STFT|^2 over the bins of a frame of |x| <= 1 at most, both sides (Parseval)."""
    return spec.n_fft * float(mel_window(spec).square().sum()) * (1 + spec.pre_emphasis) ** 2


def loudest_bands(spec: MelSpec) -> Float[Tensor, "mel"]:
    """The linear mel of each band that no waveform in [-1, 1] exceeds (Cauchy-Schwarz on half the energy)."""
    energy = full_scale_energy(spec) / 2
    filterbank = mel_filterbank(spec)
    return filterbank.amax(dim=1) * energy if spec.power == 2 else filterbank.norm(dim=1) * energy**0.5


def frame_energy(linear: Float[Tensor, "*batch mel frame"], spec: MelSpec) -> Float[Tensor, "*batch frame"]:
    """The energy, relative to full scale, that a frame with this linear mel has at least.

    A band of magnitude y under the triangle w holds (y/|w|)^2 or more, and a bin lies under two triangles.
    """
    loudest = loudest_bands(spec).to(linear).unsqueeze(-1)
    relative = torch.where(loudest > 0, linear / loudest, 0.0)
    return relative.pow(2 / spec.power).sum(dim=-2) / 2
