"""The first stage of the student: pulses and filters from a mel, the context of the linear flow.

    x = b(mel) + A(mel) e

A filters the excitation e; the shift b is a train of pitch pulses through a filter of their own.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from vocoder.config import Config
from vocoder.flows.linear_filter import FrameFilters, filter_chunk
from vocoder.mel import MelSpec
from vocoder.models.frames import FrameNetworkConfig, normalize, pitch_features, spectral_envelope
from vocoder.networks.excitation import pulse_train
from vocoder.networks.pitch import Pitch, PitchNetwork
from vocoder.networks.spectral_filter import FilterNetwork, SourceFilters


class SourceConfig(Config):
    """Sizes of the networks; `num_taps` and `noise_cepstrum` in samples, `num_bands` a source."""

    pitch: FrameNetworkConfig = FrameNetworkConfig()
    filters: FrameNetworkConfig = FrameNetworkConfig()
    num_bands: int = Field(default=128, ge=2)
    num_taps: int = Field(default=512, ge=2)
    noise_cepstrum: int = Field(default=96, ge=2, description="detail of the noise filter, in samples")


class PitchReading(NamedTuple):
    """Frames once the pitch has been read off them, without the context that took."""

    pitch: Pitch
    mel: Float[Tensor, "batch mel context"]
    features: Float[Tensor, "batch mel+2 context"]


class PulseState(NamedTuple):
    """Where the pulses of a stream are."""

    phase: Float[Tensor, "batch"]  # at the next knot, in cycles, float64
    past: Float[Tensor, "batch history"]  # the last samples of the train


class Sources(NamedTuple):
    """The context of the linear flow, and the pulses as they are before their filter."""

    filters: FrameFilters
    pulses: Float[Tensor, "batch sample"]


def source_networks(config: SourceConfig, mel_spec: MelSpec) -> tuple[PitchNetwork, FilterNetwork]:
    """The reader of pitch, and what computes the filters of both sources."""
    pitch = PitchNetwork(mel_spec.num_mels, **config.pitch.model_dump())
    envelope = spectral_envelope(mel_spec, config.num_bands)
    sizes = {"num_taps": config.num_taps, "noise_cepstrum": config.noise_cepstrum}
    return pitch, FilterNetwork(envelope, **sizes, **config.filters.model_dump())


def read_pitch(network: PitchNetwork, frames: Float[Tensor, "batch mel context"]) -> PitchReading:
    """The pitch of the frames that remain, and what networks that know it are given of them."""
    pitch = network(normalize(frames))
    mel = network.network.without_context(frames)
    return PitchReading(pitch, mel, torch.cat([normalize(mel), pitch_features(pitch).to(mel.dtype)], dim=1))


def linear_context(
    responses: SourceFilters,
    pulses: Float[Tensor, "batch sample"],
    past: Float[Tensor, "batch history"],
    hop_length: int,
) -> FrameFilters:
    """The context of the linear flow, given the pulses of its samples and those before them."""
    shift = filter_chunk(pulses, responses.pulses, past, hop_length)
    return FrameFilters(responses.noise, shift.unsqueeze(1))


def sources(
    f0: Float[Tensor, "batch knot"], responses: SourceFilters, state: PulseState, spec: MelSpec
) -> tuple[Sources, PulseState]:
    """The sources between the first knot and the last, and where the pulses are then; F0 in Hz."""
    pulses, phase = pulse_train(f0, state.phase, spec.hop_length, spec.sample_rate)
    context = linear_context(responses, pulses, state.past, spec.hop_length)
    past = torch.cat([state.past, pulses], dim=1)[:, pulses.shape[1] :]
    return Sources(context, pulses), PulseState(phase, past)
