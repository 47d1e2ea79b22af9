"""The one analysis of the project: waveform in, mel-spectrogram out."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from librosa.filters import mel as librosa_triangles
from torch import Tensor, nn

from vocoder.errors import InputError
from vocoder.mel.compression import compress
from vocoder.mel.spec import MelSpec

# Louder than this is not a waveform in [-1, 1] that overshot but one in other units, such as 16-bit integers.
_LOUDEST = 16.0


@lru_cache(maxsize=64)
def mel_filterbank(spec: MelSpec) -> Float[Tensor, "mel bin"]:
    """The triangles of stage 5, `[num_mels, n_fft/2 + 1]` in float64; shared, not to be written to.

    Slaney's scale is linear below 1 kHz and logarithmic above; HTK's is 2595 log10(1 + f/700).
    """
    return torch.from_numpy(
        librosa_triangles(
            sr=spec.sample_rate,
            n_fft=spec.n_fft,
            n_mels=spec.num_mels,
            fmin=spec.fmin,
            fmax=spec.fmax,
            htk=spec.mel_scale == "htk",
            norm="slaney" if spec.mel_norm == "slaney" else None,
            dtype="float64",
        )
    )


class MelFrontend(nn.Module):
    """Waveform in [-1, 1] to mel-spectrogram, as `spec` says; differentiable, on any device."""

    window: Tensor
    filterbank: Tensor

    def __init__(self, spec: MelSpec) -> None:
        super().__init__()
        self.spec = spec
        window = torch.hann_window(spec.win_length, dtype=torch.float64)
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("filterbank", mel_filterbank(spec).float(), persistent=False)

    def forward(self, audio: Float[Tensor, "*batch sample"]) -> Float[Tensor, "*batch mel frame"]:
        """Audio `[T]` or `[B, T]` to mel `[M, F]` or `[B, M, F]`, F = `spec.num_frames(T)`.

        Raises:
            InputError: shorter than `spec.min_samples`, not finite, or far outside [-1, 1].
        """
        check_audio(audio, self.spec)
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
        return self.filterbank @ _magnitude(spectrum, spec)


def check_audio(audio: Float[Tensor, "*batch sample"], spec: MelSpec) -> None:
    """Refuse a waveform that has no mel under `spec`.

    Raises:
        InputError: shorter than `spec.min_samples`, not finite, or far outside [-1, 1].
    """
    if audio.shape[-1] < spec.min_samples:
        raise InputError(
            f"audio: {audio.shape[-1]} samples are too few for a mel with n_fft {spec.n_fft} and padding "
            f"{spec.padding}; give at least {spec.min_samples}"
        )
    peak = audio.detach().abs().amax() if audio.numel() else audio.new_zeros(())
    if not torch.isfinite(peak):
        raise InputError("audio: contains NaN or infinity; a waveform is finite, in [-1, 1]")
    if peak > _LOUDEST:
        raise InputError(
            f"audio: reaches {peak:g}; a waveform is in [-1, 1] (divide 16-bit integers by 32768)"
        )


def _magnitude(spectrum: Tensor, spec: MelSpec) -> Tensor:
    if spec.magnitude_epsilon == 0 and spec.power == 1:
        return spectrum.abs()
    energy = torch.view_as_real(spectrum).square().sum(-1) + spec.magnitude_epsilon
    return energy if spec.power == 2 else energy.sqrt()
