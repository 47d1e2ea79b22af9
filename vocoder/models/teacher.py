"""The teacher: a masked autoregressive flow over audio whose conditioner is a causal WaveNet.

    p(x) = prod_t p(x_t | x_<t, mel)

Density and training are one parallel pass; sampling is sequential (van den Oord et al. 2016; the teacher of
Parallel WaveNet, 2017). On few cores a whitening filter computed from the mel comes first, next to the data,
and the WaveNet models what it leaves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from vocoder.config import Config
from vocoder.distributions import Mixture, QuantizationGrid
from vocoder.distributions.location_scale import LocationScale
from vocoder.distributions.output import OutputConfig
from vocoder.errors import ConfigError, InputError
from vocoder.flows.linear_filter import FrameFilters
from vocoder.flows.recursion import recursive_chunk
from vocoder.mel import MelSpec
from vocoder.models.base import Vocoder, check_frames
from vocoder.models.frames import FrameNetworkConfig, extend_frames, normalize, pitch_features
from vocoder.models.whitening import Whitening, WhiteningConfig
from vocoder.networks.frame_network import FrameNetwork
from vocoder.networks.interpolation import interpolate_knots
from vocoder.networks.pitch import PitchNetwork
from vocoder.networks.precision import DoubleInEvaluation
from vocoder.networks.tiered_sampler import SamplerState, TieredSampler
from vocoder.networks.tiered_wavenet import TieredContext, TieredWaveNet
from vocoder.noise import logistic_noise, normal_noise, uniform_noise

PCM16 = QuantizationGrid(bits=16)


class TieredConfig(Config):
    """Sizes of the WaveNet in two tiers; `group`, `reach` and `head_kernel` in samples."""

    group: int = Field(default=8, ge=1)
    reach: int = Field(default=8, ge=0)
    head_kernel: int = Field(default=32, ge=1)
    head_channels: int = Field(default=32, ge=1)
    layers: int = Field(default=10, ge=1)
    dilation_cycle: int | None = Field(default=None, ge=1)
    kernel_size: int = Field(default=2, ge=2)
    residual_channels: int = Field(default=96, ge=1)
    skip_channels: int = Field(default=96, ge=1)


class TeacherConfig(Config):
    """Everything that the teacher is built from."""

    whitening: WhiteningConfig | None = WhiteningConfig()
    pitch: FrameNetworkConfig = FrameNetworkConfig(hidden=96)
    conditioning: FrameNetworkConfig = FrameNetworkConfig()
    context_channels: int = Field(default=96, ge=1)
    wavenet: TieredConfig = TieredConfig()
    output: OutputConfig = OutputConfig()
    level: float = Field(default=0.05, gt=0, description="of the audio, where no filter levels it")
    temperature: float = Field(
        default=1.0, ge=0, le=2, description="of the noise, unless a call says otherwise"
    )


class Conditions(NamedTuple):
    """What the mel says."""

    filters: FrameFilters | None
    context: TieredContext


@dataclass(frozen=True)
class TeacherState:
    """A batch of streams between two chunks."""

    seeds: tuple[int, ...]
    temperature: float
    position: int  # samples returned so far
    frames: Float[Tensor, "batch mel context"]  # still needed as context, or not yet spoken
    sampler: SamplerState
    past_audio: Float[Tensor, "batch history"]


class _Conditioning(DoubleInEvaluation, FrameNetwork):
    """The context of the WaveNet; in float64 because the flow feeds its samples back to itself."""


class Teacher(Vocoder):
    """A linear masked autoregressive flow (whitening), then one whose conditioner is a WaveNet."""

    kind: ClassVar[str] = "teacher"

    def __init__(self, config: TeacherConfig, mel_spec: MelSpec) -> None:
        super().__init__()
        group, hop = config.wavenet.group, mel_spec.hop_length
        if hop % group:
            raise ConfigError(f"wavenet.group must divide the hop of {hop} samples, got {group}")
        self.config: TeacherConfig = config
        self.mel_spec = mel_spec
        self.temperature = config.temperature
        self.groups = hop // group
        self.pitch = PitchNetwork(mel_spec.num_mels, **config.pitch.model_dump())
        self.whitening = Whitening(config.whitening, mel_spec) if config.whitening else None
        self.conditioning = _Conditioning(
            mel_spec.num_mels + 2, config.context_channels, **config.conditioning.model_dump()
        )
        sizes = config.wavenet.model_dump()
        self.wavenet = TieredWaveNet(
            config.output.num_parameters,
            num_layers=sizes.pop("layers"),
            context_channels=config.context_channels,
            context_step=self.groups,
            **sizes,
        )
        pitch, context = self.pitch.network, self.conditioning
        self.left_context = pitch.left_context + context.left_context
        self.right_context = pitch.right_context + context.right_context
        self._sampler: tuple[Any, TieredSampler] | None = None

    @property
    def lookahead_frames(self) -> int:
        """The networks' reach, and the knot at the end of the frame's samples."""
        return self.right_context + 1

    @property
    def sampler(self) -> TieredSampler:
        """The compiled sequential direction, with the weights that the network has now."""
        version = [(p.data_ptr(), p._version) for p in self.wavenet.parameters()]
        if self._sampler is None or self._sampler[0] != version:
            output = self.config.output
            sampler = TieredSampler(
                self.wavenet,
                max_lag=math.ceil(self.sample_rate / self.pitch.low),
                components=output.components,
                min_log_scale=output.min_log_scale,
            )
            self._sampler = version, sampler
        return self._sampler[1]

    def start(self, seeds: Sequence[int], temperature: float) -> TeacherState:
        taps = self.config.whitening.num_taps if self.config.whitening else 1
        return TeacherState(
            seeds=tuple(seeds),
            temperature=temperature,
            position=0,
            frames=torch.zeros(len(seeds), self.mel_spec.num_mels, 0, device=self.device),
            sampler=self.sampler.start(len(seeds)),
            past_audio=torch.zeros(len(seeds), taps - 1, device=self.device),
        )

    def advance(
        self, mel: Float[Tensor, "batch mel frame"], state: TeacherState, *, last: bool
    ) -> tuple[Float[Tensor, "batch sample"], TeacherState]:
        frames = self._extend(state.frames, mel, last=last)
        hops = frames.shape[-1] - self.left_context - self.right_context - 1
        if hops < 1:
            return mel.new_zeros(mel.shape[0], 0), replace(state, frames=frames)
        length = hops * self.mel_spec.hop_length
        conditions = self.conditions(frames)
        noise = self._noise(state, length) * state.temperature
        uniform = uniform_noise(state.seeds, state.position, length, lane=1)
        residual, sampler = self.sampler.sample(noise, uniform, conditions.context, state.sampler)
        audio, past_audio = self._color(residual.to(mel.device), conditions, state.past_audio)
        following = replace(
            state,
            position=state.position + length,
            frames=frames[..., hops:],
            sampler=sampler,
            past_audio=past_audio,
        )
        return audio, following

    def conditions(self, frames: Float[Tensor, "batch mel context"]) -> Conditions:
        """What the flow is told in the hops that the frames, with context on both sides, determine."""
        pitch = self.pitch(normalize(frames))
        centre = self.pitch.network.without_context(normalize(frames))
        features = torch.cat([centre, pitch_features(pitch).to(centre.dtype)], dim=1)
        knots = self.conditioning(features.to(self.conditioning.dtype)).to(frames.dtype)
        (f0,) = self.conditioning.without_context(pitch.frequency[None])
        lag = (self.sample_rate / interpolate_knots(f0, self.groups, offset=0.5)).round().long()
        filters = None
        if self.whitening is not None:
            left = self.left_context - self.whitening.left_context
            right = self.right_context - self.whitening.right_context
            filters = self.whitening(frames[..., left : frames.shape[-1] - right])
        return Conditions(filters, TieredContext(knots, lag))

    def log_likelihood(
        self, audio: Float[Tensor, "batch sample"], conditions: Conditions
    ) -> Float[Tensor, "batch sample"]:
        """Log-probability of each 16-bit sample given those before it, exact, in nats.

        `audio` lies on the grid of 16-bit PCM and has as many samples as the conditions describe.
        """
        return self._density(audio, conditions).bin_log_prob(PCM16.index(audio), PCM16)

    def log_prob(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch"]:
        """Log-density in one parallel pass; `audio` has at most `frames * hop_length` samples."""
        padded, conditions = self._cover(audio, mel)
        return self._density(padded, conditions).log_prob(padded)[:, : audio.shape[1]].sum(dim=1)

    def score(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch sample"]:
        """Bits that the exact 16-bit value of each sample takes; `audio` is rounded to that grid."""
        padded, conditions = self._cover(PCM16.centre(PCM16.index(audio)), mel)
        return -self.log_likelihood(padded, conditions)[:, : audio.shape[1]] / math.log(2)

    def _cover(self, audio: Tensor, mel: Tensor) -> tuple[Tensor, Conditions]:
        """Audio with zeros for the samples that the last frame lacks: they change nothing before them."""
        check_frames(mel, self.mel_spec)
        missing = mel.shape[2] * self.mel_spec.hop_length - audio.shape[1]
        if missing < 0:
            raise InputError(
                f"audio: {audio.shape[1]} samples are more than {mel.shape[2]} frames cover; cut it"
            )
        frames = self._extend(mel[..., :0], mel, last=True)
        return F.pad(audio, (0, missing)), self.conditions(frames)

    def _density(self, audio: Tensor, conditions: Conditions) -> LocationScale | Mixture:
        residual, log_gain = self._whiten(audio, conditions)
        parameters = self.wavenet(residual.unsqueeze(1), conditions.context)
        return self.config.output.density_of_data(parameters, residual, audio, log_gain)

    def _whiten(self, audio: Tensor, conditions: Conditions) -> tuple[Tensor, Tensor]:
        """The residual, and the logarithm of its slope in each sample of audio."""
        if self.whitening is None or conditions.filters is None:
            return audio / self.config.level, torch.full_like(audio, -math.log(self.config.level))
        residual, _ = self.whitening.flow.to_noise(audio.unsqueeze(1), conditions.filters)
        return residual[:, 0], self.whitening.filter.log_diagonal(conditions.filters.taps)

    def _color(self, residual: Tensor, conditions: Conditions, past: Tensor) -> tuple[Tensor, Tensor]:
        """Audio of a residual, and what of it the next chunk needs."""
        if conditions.filters is None:
            return residual * self.config.level, past
        audio = recursive_chunk(residual, conditions.filters.taps, past, self.mel_spec.hop_length)
        return audio, torch.cat([past, audio], dim=1)[:, audio.shape[1] :]

    def _noise(self, state: TeacherState, length: int) -> Tensor:
        draw = {"logistic": logistic_noise, "gaussian": normal_noise}[self.config.output.family]
        return draw(state.seeds, state.position, length)

    def _extend(self, frames: Tensor, mel: Tensor, *, last: bool) -> Tensor:
        return extend_frames(frames, mel, left=self.left_context, right=self.lookahead_frames, last=last)
