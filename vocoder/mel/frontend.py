"""The one analysis of the project: waveform in, mel-spectrogram out."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vocoder.arrays import as_tensor
from vocoder.errors import InputError
from vocoder.mel.compression import compress
from vocoder.mel.filterbank import mel_filterbank, mel_window
from vocoder.mel.spec import MelSpec

# Louder than this is not a waveform in [-1, 1] that overshot but one in other units, such as 16-bit integers.
_LOUDEST = 16.0


class MelFrontend(nn.Module):
    """Waveform in [-1, 1] to mel-spectrogram, as `spec` says; differentiable, on any device."""

    window: Tensor
    filterbank: Tensor

    def __init__(self, spec: MelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.register_buffer("window", mel_window(spec).float(), persistent=False)
        self.register_buffer("filterbank", mel_filterbank(spec).float(), persistent=False)

    def forward(
        self, audio: Float[Tensor, "*batch sample"] | Float[np.ndarray, "*batch sample"]
    ) -> Float[Tensor, "*batch mel frame"]:
        """Audio `[T]` or `[B, T]` to mel `[M, F]` or `[B, M, F]`, F = `spec.num_frames(T)`.

        Raises:
            InputError: shorter than `spec.min_samples`, not finite, far outside [-1, 1], or integers.
        """
        audio = as_tensor(audio, "audio")
        if not audio.is_floating_point() or audio.dim() == 0:
            raise InputError(
                f"audio: expected samples in [-1, 1] as floating-point numbers, got {audio.dtype} of shape "
                f"{list(audio.shape)}; divide 16-bit integers by 32768"
            )
        check_length(audio.shape[-1], self.spec)
        check_range(audio)
        return self.analyse(audio)

    def analyse(self, audio: Float[Tensor, "*batch sample"]) -> Float[Tensor, "*batch mel frame"]:
        """`forward` without its look at the values, for which a GPU would have to be waited for."""
        with torch.autocast(audio.device.type, enabled=False):
            return compress(self.linear(self.pad(self.emphasize(audio.to(self.window.dtype)))), self.spec)

    def emphasize(self, audio: Float[Tensor, "*batch sample"]) -> Float[Tensor, "*batch sample"]:
        """Stage 1, from a zero before the first sample."""
        if self.spec.pre_emphasis == 0:
            return audio
        return audio - self.spec.pre_emphasis * F.pad(audio, (1, 0))[..., :-1]

    def pad(self, audio: Float[Tensor, "*batch sample"]) -> Float[Tensor, "*batch padded"]:
        """Stage 2."""
        flat = audio.reshape(-1, 1, audio.shape[-1])
        padded = F.pad(flat, (self.spec.padding, self.spec.padding), mode=self.spec.pad_mode)
        return padded.reshape(*audio.shape[:-1], -1)

    def linear(self, padded: Float[Tensor, "*batch padded"]) -> Float[Tensor, "*batch mel frame"]:
        """Stages 3 to 5: the linear mel of padded audio."""
        spec = self.spec
        spectrum = torch.stft(
            padded,
            spec.n_fft,
            spec.hop_length,
            spec.win_length,
            self.window,
            center=False,
            return_complex=True,
        )
        return self.filterbank @ magnitude(spectrum, spec)


def check_length(num_samples: int, spec: MelSpec) -> None:
    """Refuse audio that has no frame under `spec`.

    Raises:
        InputError: fewer samples than `spec.min_samples`.
    """
    if num_samples < spec.min_samples:
        raise InputError(
            f"audio: {num_samples} samples are too few for a mel with n_fft {spec.n_fft} and padding "
            f"{spec.padding}; give at least {spec.min_samples}"
        )


def check_range(audio: Float[Tensor, "*batch sample"]) -> None:
    """Refuse what is no waveform in [-1, 1].

    Raises:
        InputError: not finite, or far beyond 1.
    """
    peak = float(audio.detach().abs().amax()) if audio.numel() else 0.0
    if not math.isfinite(peak):
        raise InputError("audio: contains NaN or infinity; a waveform is finite, in [-1, 1]")
    if peak > _LOUDEST:
        raise InputError(
            f"audio: reaches {peak:g}; a waveform is in [-1, 1] (divide 16-bit integers by 32768)"
        )


def magnitude(spectrum: Tensor, spec: MelSpec) -> Tensor:
    """Stage 4: what the triangles of `spec` are laid over."""
    if spec.magnitude_epsilon == 0 and spec.power == 1:
        return spectrum.abs()
    energy = torch.view_as_real(spectrum).square().sum(-1) + spec.magnitude_epsilon
    return energy if spec.power == 2 else energy.sqrt()
