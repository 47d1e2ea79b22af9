"""The student: noise to audio by inverse autoregressive flows, in one parallel pass.

    x = linear(flow_1(… flow_n(z)))

(Parallel WaveNet, van den Oord et al. 2017.) On few cores the flow next to the data is a linear IAF whose
filters are computed from the mel, with a shift of pitch pulses: what a network would spend hours learning
(the spectral envelope, the harmonics) is stated. The other flows run over groups of samples.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from vocoder.config import Config
from vocoder.distributions import Gaussian, Logistic
from vocoder.errors import ConfigError, InputError
from vocoder.flows import IAF, Chain, FrameFilters, Inverse, LinearFilter, SqueezeTime
from vocoder.flows.context import Part, ReadContext
from vocoder.flows.triangular import Triangular
from vocoder.mel import MelSpec
from vocoder.models.air import AirConfig, air_of
from vocoder.models.base import Vocoder, check_frames
from vocoder.models.frames import (
    FrameNetworkConfig,
    extend_frames,
    require_natural_log,
)
from vocoder.models.knots import KnotReader, Knots, KnotState
from vocoder.models.source_filter import PulseState, SourceConfig, source_networks, sources
from vocoder.models.warmth import warmth
from vocoder.networks.conditioner import split_parameters
from vocoder.networks.frame_network import FrameNetwork
from vocoder.networks.guided_wavenet import GroupContext, GuidedWaveNet
from vocoder.networks.of_weights import OfWeights
from vocoder.networks.packed_guided import PackedGuided, PackedGuidedState
from vocoder.noise import Seeds, logistic_noise, normal_noise

BASES = {"normal": (Gaussian, normal_noise), "logistic": (Logistic, logistic_noise)}


class GroupFlowConfig(Config):
    """Sizes of the WaveNet of one flow; lengths in groups."""

    layers: int = Field(default=8, ge=1)
    dilation_cycle: int | None = Field(default=None, ge=1)
    kernel_size: int = Field(default=2, ge=2)
    residual_channels: int = Field(default=96, ge=1)
    gate_channels: int | None = Field(
        default=None, ge=2, description="twice the residual channels, if not given"
    )
    skip_channels: int = Field(default=96, ge=0, description="0: no skip connections")


class StudentConfig(SourceConfig):
    """Sizes of the student: of its first stage, and of the flows over groups before it."""

    kind: Literal["student"] = Field(default="student", exclude=True)
    group: int = Field(default=16, ge=1, description="samples a step of the flows")
    conditioning: FrameNetworkConfig = FrameNetworkConfig()
    context_channels: int = Field(default=96, ge=1)
    flows: list[GroupFlowConfig] = Field(default=[], description="in the order from data to noise")
    base: Literal["normal", "logistic"] = "normal"
    temperature: float = Field(
        default=1.0, ge=0, le=2, description="of the noise, unless a call says otherwise"
    )
    voiced: float = Field(
        default=1.0, ge=0, le=2, description="factor of the temperature in voiced sounds, in synthesis"
    )
    air: AirConfig | None = Field(default=None, description="noise above the mel's last band, in synthesis")


class Conditions(NamedTuple):
    """What the flows are told."""

    filters: FrameFilters
    groups: GroupContext | None


@dataclass(frozen=True)
class StudentState:
    """A batch of streams between two chunks."""

    seeds: Seeds
    temperature: float
    position: Int[Tensor, "batch"]  # samples returned so far, on the CPU
    end: Float[Tensor, "batch mel _"]  # the last frame taken, none at first
    reading: KnotState
    knot: Knots  # where the next hop begins, none at first
    pulses: PulseState
    past_excitation: Float[Tensor, "batch history"]
    flows: tuple[PackedGuidedState, ...]


class Student(Vocoder):
    """A chain of inverse autoregressive flows over standard noise."""

    kind = "student"
    likelihood = "density"

    def __init__(self, config: StudentConfig, mel_spec: MelSpec) -> None:
        super().__init__()
        require_natural_log(mel_spec)
        if mel_spec.hop_length % config.group:
            raise ConfigError(
                f"group must divide the hop of {mel_spec.hop_length} samples, got {config.group}"
            )
        self.config: StudentConfig = config
        self.mel_spec = mel_spec
        self.temperature = config.temperature
        self.air = air_of(config.air, mel_spec, config.temperature)
        self.pitch, self.filters = source_networks(config, mel_spec)
        self.linear = LinearFilter(mel_spec.hop_length)
        self.conditioning: FrameNetwork | None = None
        if config.flows:
            self.conditioning = FrameNetwork(
                mel_spec.num_mels + 2, config.context_channels, **config.conditioning.model_dump()
            )
        self.transform = Triangular(config.group)
        self.conditioners = torch.nn.ModuleList(self._conditioner(sizes) for sizes in config.flows)
        self._packed = OfWeights(partial(_pack, read=self.transform.read_mask()))
        self._reader = KnotReader(self.pitch, self.filters, self.conditioning)
        self.left_context, self.right_context = self._reader.left_context, self._reader.right_context

    def _conditioner(self, sizes: GroupFlowConfig) -> GuidedWaveNet:
        config = self.config
        return GuidedWaveNet(
            config.group,
            self.transform.num_parameters,
            guide_channels=config.group,
            num_layers=sizes.layers,
            context_channels=config.context_channels,
            context_step=self.mel_spec.hop_length // config.group,
            variance_preserving=True,
            **sizes.model_dump(exclude={"layers"}),
        )

    @property
    def flow(self) -> Chain:
        """Audio `[B, 1, T]` to noise, given `Conditions`."""
        linear = ReadContext(Part("filters"), self.linear)
        if not self.config.flows:
            return Chain([linear])
        steps = [
            ReadContext(Part("groups"), IAF(conditioner, transform=self.transform))  # type: ignore[arg-type]
            for conditioner in self.conditioners
        ]
        squeeze = SqueezeTime(self.config.group)
        return Chain([linear, squeeze, *steps, Inverse(squeeze)])

    @property
    def lookahead_frames(self) -> int:
        """The networks' reach, and the knot at the end of the frame's samples."""
        return self.right_context + 1

    @property
    def recordable(self) -> bool:
        return True

    def start(self, seeds: Sequence[int], temperature: float) -> StudentState:
        batch, device = len(seeds), self.device
        history = torch.zeros(batch, self.config.num_taps - 1, device=device)
        phase = torch.zeros(batch, dtype=torch.float64, device=device)
        return StudentState(
            seeds=tuple(seeds),
            temperature=temperature,
            position=torch.zeros(batch, dtype=torch.int64),
            end=torch.zeros(batch, self.mel_spec.num_mels, 0, device=device),
            reading=self._reader.start(batch),
            knot=self._reader.none(batch),
            pulses=PulseState(phase, history),
            past_excitation=history,
            flows=tuple(conditioner.initial_state(batch) for conditioner in self._packed(self.conditioners)),
        )

    def advance(
        self, mel: Float[Tensor, "batch mel frame"], state: StudentState, *, last: bool
    ) -> tuple[Float[Tensor, "batch sample"], StudentState]:
        frames = self._extend(state.end, mel, last=last)[..., state.end.shape[2] :]
        knots, reading = self._reader.read(frames, state.reading)
        knots = state.knot.join(knots)
        hops = knots.f0.shape[1] - 1
        end = torch.cat([state.end, mel], dim=2)[..., -1:].clone()
        if hops < 1:
            following = replace(state, end=end, reading=reading, knot=knots)
            return mel.new_zeros(len(mel), 0), following
        length = hops * self.mel_spec.hop_length
        conditions, pulses = self._tell(knots, state.pulses)
        draw = BASES[self.config.base][1]
        noise = draw(state.seeds, state.position, length, device=mel.device) * state.temperature
        if (factors := warmth(self.config.voiced, knots.voiced, self.mel_spec.hop_length)) is not None:
            noise = noise * factors.to(noise)
        excitation, flows = self._excite(noise, conditions, state.flows)
        if self.air is not None:
            place = (state.seeds, state.position, knots.f0, knots.voiced, state.pulses.phase)
            excitation = excitation + self.air(*place, state.temperature)
        audio, past = self.linear.to_data_chunk(excitation, conditions.filters, state.past_excitation)
        following = replace(
            state,
            position=state.position + length,
            end=end,
            reading=reading,
            knot=knots.last(),
            pulses=pulses,
            past_excitation=past,
            flows=flows,
        )
        return audio, following

    def conditions(
        self, frames: Float[Tensor, "batch mel context"], pulses: PulseState
    ) -> tuple[Conditions, PulseState]:
        """What the flows are told in the hops that the frames determine, and where the pulses are then."""
        knots, _ = self._reader.read(frames, self._reader.start(len(frames)))
        return self._tell(knots, pulses)

    def _tell(self, knots: Knots, pulses: PulseState) -> tuple[Conditions, PulseState]:
        made, pulses = sources(knots.f0, knots.responses, pulses, self.mel_spec)
        if self.conditioning is None:
            return Conditions(made.filters, None), pulses
        guide = made.pulses.unflatten(1, (-1, self.config.group)).transpose(1, 2)
        return Conditions(made.filters, GroupContext(knots.told, guide)), pulses

    def draw_conditions(
        self, frames: Float[Tensor, "batch mel context"], generator: torch.Generator
    ) -> Conditions:
        """The conditions of segments from anywhere in an utterance: the phase of the pulses is drawn."""
        pulses = self.start([0] * len(frames), 1.0).pulses
        phase = torch.rand(
            pulses.phase.shape, generator=generator, dtype=torch.float64, device=generator.device
        )
        return self.conditions(frames, pulses._replace(phase=phase.to(self.device)))[0]

    def render(
        self, noise: Float[Tensor, "batch sample"], conditions: Conditions
    ) -> tuple[Float[Tensor, "batch sample"], Float[Tensor, "batch sample"]]:
        """Audio in one parallel pass from the start of an utterance, and the log-scale of each sample.

        Given the noise before it, sample t has the density of the base with that scale around
        audio_t - scale_t · noise_t: each flow is linear in z_t, so their scales multiply.
        """
        x, log_scale = noise.unsqueeze(1), self.linear.log_diagonal(conditions.filters.taps)
        if conditions.groups is not None:
            squeeze = SqueezeTime(self.config.group)
            x, _ = squeeze.to_noise(x)
            for conditioner in reversed(self.conditioners):
                output = conditioner(x, conditions.groups)
                x, log_slope = self.transform.to_noise(
                    x, split_parameters(output, self.transform.num_parameters, x)
                )
                log_scale = log_scale + squeeze.to_data(log_slope)[0][:, 0]
            x, _ = squeeze.to_data(x)
        return self.linear.to_data(x, conditions.filters)[0][:, 0], log_scale

    def _excite(
        self, noise: Tensor, conditions: Conditions, states: tuple[PackedGuidedState, ...]
    ) -> tuple[Tensor, tuple[PackedGuidedState, ...]]:
        """Noise through the flows over groups, the one next to the noise first."""
        if conditions.groups is None or conditions.groups.guide is None:
            return noise, states
        x = noise.unflatten(1, (-1, self.config.group))  # [batch, group, sample of the group]
        knots, guide = conditions.groups.knots.mT, conditions.groups.guide.mT
        following = list(states)
        for i, conditioner in reversed(list(enumerate(self._packed(self.conditioners)))):
            parameters, following[i] = conditioner.stream(x, knots, guide, states[i])
            x = self.transform.rows_to_noise(x, parameters)
        return x.flatten(1), tuple(following)

    def log_prob(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch"]:
        """Log-density by the recursive direction; `audio` has at most `frames * hop_length` samples.

        Zeros stand for the samples that the last frame lacks; being after the others, they change nothing
        for them and are not counted. The pulses start at phase 0, as in synthesis.
        """
        return self._log_probs(audio, mel).sum(dim=1)

    def score(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch sample"]:
        """Bits of each sample by the density times a step of 16-bit PCM, in one piece: pulses have no end."""
        return 15 - self._log_probs(audio, mel) / math.log(2)

    def _log_probs(self, audio: Tensor, mel: Tensor) -> Tensor:
        """Log-density of each sample given those before it."""
        check_frames(mel, self.mel_spec)
        length, missing = audio.shape[1], mel.shape[2] * self.mel_spec.hop_length - audio.shape[1]
        if missing < 0:
            raise InputError(f"audio: {length} samples are more than {mel.shape[2]} frames cover; cut it")
        state = self.start([0] * len(mel), 1.0)
        conditions, _ = self.conditions(self._extend(state.end, mel, last=True), state.pulses)
        noise, _ = self.flow.to_noise(F.pad(audio, (0, missing)).unsqueeze(1), conditions)
        _, log_scale = self.render(noise[:, 0], conditions)
        base = BASES[self.config.base][0].standard_log_prob(noise[:, 0])
        return (base - log_scale)[:, :length]

    def _extend(self, frames: Tensor, mel: Tensor, *, last: bool) -> Tensor:
        return extend_frames(frames, mel, left=self.left_context, right=self.lookahead_frames, last=last)


def _pack(
    conditioners: torch.nn.ModuleList, *, read: Float[Tensor, "parameter channel"]
) -> list[PackedGuided]:
    """The conditioners of the flows over groups, as they are now, for sampling."""
    return [PackedGuided(conditioner, read) for conditioner in conditioners]  # type: ignore[arg-type]
