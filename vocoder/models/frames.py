"""What the models share on their way from a mel to filters and contexts: frames at their edges, features."""

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from vocoder.config import Config
from vocoder.errors import ConfigError
from vocoder.mel import MelFrontend, MelSpec, mel_frequencies
from vocoder.networks.pitch import Pitch
from vocoder.networks.spectral_filter import SpectralEnvelope


class FrameNetworkConfig(Config):
    """Sizes of a network over mel frames."""

    hidden: int = Field(default=128, ge=1, description="channels")
    layers: int = Field(default=5, ge=1)
    lookahead: int = Field(default=2, ge=0, description="frames")


def extend_frames(
    frames: Float[Tensor, "batch mel known"],
    mel: Float[Tensor, "batch mel frame"],
    *,
    left: int,
    right: int,
    last: bool,
) -> Float[Tensor, "batch mel extended"]:
    """The frames of a stream with more of them, and `left` before the first, `right` after the last.

    An utterance's first frame stands for those before it, its last for those after it.
    """
    if frames.shape[-1] == 0 and mel.shape[-1] > 0:
        frames = mel[..., :1].expand(-1, -1, left)
    frames = torch.cat([frames, mel], dim=-1)
    if last and frames.shape[-1] > 0:
        frames = torch.cat([frames, frames[..., -1:].expand(-1, -1, right)], dim=-1)
    return frames


def normalize(log_mel: Float[Tensor, "batch mel frame"]) -> Float[Tensor, "batch mel frame"]:
    """Speech's log-mels to about zero mean and unit variance."""
    return (log_mel + 5.0) / 2.5


def pitch_features(pitch: Pitch) -> Float[Tensor, "batch 2 frame"]:
    """F0 in octaves around 200 Hz, and voicing in (-1, 1)."""
    octaves = (pitch.frequency / 200.0).log2()
    return torch.stack([octaves, 2 * torch.sigmoid(pitch.voicing) - 1], dim=1)


def spectral_envelope(spec: MelSpec, num_bands: int) -> SpectralEnvelope:
    """The envelope that mels of `spec` state, corrected at bands evenly spaced on the mel scale."""
    analysis = MelFrontend(spec)
    bands = mel_frequencies(num_bands, 0.0, spec.sample_rate / 2, "slaney")
    energy = float(analysis.window.square().sum())
    return SpectralEnvelope(analysis.filterbank, bands, energy, spec.sample_rate)


def require_natural_log(spec: MelSpec) -> None:
    """Raise `ConfigError` unless mels of `spec` are ln(max(x, floor)) of frames centred on whole hops."""
    wanted = MelSpec.model_fields  # every stage after the filterbank at its default
    plain = (
        "power",
        "log_base",
        "multiplier",
        "floor_mode",
        "offset",
        "dynamic_range",
        "value_range",
        "mean",
    )
    wrong = [name for name in (*plain, "pre_emphasis") if getattr(spec, name) != wanted[name].default]
    if spec.frame_centre != 0:
        wrong.append("frame_centre")
    if wrong:
        raise ConfigError(
            "mel spec: the model reads natural-log magnitudes of frames centred on whole hops, but here: "
            + ", ".join(f"{name} {getattr(spec, name)!r}" for name in wrong)
            + ". Train it on a plain spec and convert other mels to that"
        )
