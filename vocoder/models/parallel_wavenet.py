"""The student of Parallel WaveNet as it was published: a chain of inverse autoregressive flows over samples.

    x = level · flow_1(… flow_n(z)),      each flow  z_t ↦ z_t · s(z_<t, mel) + μ(z_<t, mel)

Noise becomes audio in one parallel pass (van den Oord et al. 2017, sec. 3; with Gaussian noise ClariNet, Ping
et al. 2019). Every flow is linear in its z_t, so the chain is too: p(x_t | z_<t) is the base's density with
the product of the scales.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.config import Config
from vocoder.errors import ConfigError, InputError
from vocoder.flows import IAF, Affine, Chain
from vocoder.mel import MelSpec
from vocoder.models.base import Vocoder, check_frames
from vocoder.models.frames import extend_frames
from vocoder.models.student import BASES, GroupFlowConfig
from vocoder.models.wavenet import UpsamplerConfig
from vocoder.networks.conditioner import split_parameters
from vocoder.networks.guided_wavenet import GroupContext, GuidedState, GuidedWaveNet
from vocoder.networks.upsampler import MelUpsampler

_STACK = {"kernel_size": 3, "residual_channels": 64, "gate_channels": 64, "skip_channels": 0}
PUBLISHED = tuple(
    GroupFlowConfig.model_validate({"layers": layers, "dilation_cycle": 10, **_STACK})
    for layers in (30, 10, 10, 10)
)


class ParallelWaveNetConfig(Config):
    """Everything that the student is built from; the defaults are the published sizes."""

    kind: Literal["parallel-wavenet"] = "parallel-wavenet"
    mel_mean: float = Field(
        default=-5.0, description="of the mels, about; the networks see (mel - mean) / std"
    )
    mel_std: float = Field(default=2.5, gt=0)
    upsampler: UpsamplerConfig = UpsamplerConfig()
    flows: tuple[GroupFlowConfig, ...] = Field(
        default=PUBLISHED, min_length=1, description="in the order from data to noise"
    )
    base: Literal["normal", "logistic"] = "logistic"
    level: float = Field(default=0.05, gt=0, description="scale of the audio before anything is learned")
    temperature: float = Field(
        default=1.0, ge=0, le=2, description="of the noise, unless a call says otherwise"
    )


@dataclass(frozen=True)
class ParallelWaveNetState:
    """A batch of streams between two chunks."""

    seeds: tuple[int, ...]
    temperature: float
    position: Int[Tensor, "batch"]  # samples returned so far, on the CPU
    outside: int  # frames of the context that lie before the utterance
    frames: Float[Tensor, "batch mel context"]  # still needed as context, or not yet spoken
    flows: tuple[GuidedState, ...]


class ParallelWaveNet(Vocoder):
    """A chain of inverse autoregressive flows over standard noise, each with a causal WaveNet of its own."""

    kind = "parallel-wavenet"
    likelihood = "density"

    def __init__(self, config: ParallelWaveNetConfig, mel_spec: MelSpec) -> None:
        super().__init__()
        if prod(config.upsampler.scales) != mel_spec.hop_length:
            raise ConfigError(
                f"upsampler.scales must multiply to the hop of {mel_spec.hop_length} samples, "
                f"got {config.upsampler.scales}"
            )
        self.config: ParallelWaveNetConfig = config
        self.mel_spec, self.temperature = mel_spec, config.temperature
        self.upsampler = MelUpsampler(mel_spec.num_mels, **config.upsampler.model_dump())
        self.transform = Affine()
        self.conditioners = nn.ModuleList(self._conditioner(sizes) for sizes in config.flows)
        self.left_context, self.right_context = self.upsampler.left_context, self.upsampler.right_context

    def _conditioner(self, sizes: GroupFlowConfig) -> GuidedWaveNet:
        return GuidedWaveNet(
            1,
            self.transform.num_parameters,
            guide_channels=0,
            num_layers=sizes.layers,
            context_channels=self.mel_spec.num_mels,
            context_step=self.upsampler.step,
            variance_preserving=True,
            **sizes.model_dump(exclude={"layers"}),
        )

    @property
    def flow(self) -> Chain:
        """Audio over `level` `[B, 1, T]` to noise, given the conditions."""
        flows = [IAF(conditioner, transform=self.transform) for conditioner in self.conditioners]  # type: ignore[arg-type]
        return Chain(flows)

    @property
    def lookahead_frames(self) -> int:
        """The upsampler's; the flows have none."""
        return self.right_context

    @property
    def receptive_field(self) -> int:
        """Past noise samples that a sample of audio depends on, and itself."""
        return 1 + sum(conditioner.network.receptive_field for conditioner in self.conditioners)  # type: ignore[union-attr,misc]

    def start(self, seeds: Sequence[int], temperature: float) -> ParallelWaveNetState:
        nothing = torch.zeros(len(seeds), 1, 1, device=self.device)
        return ParallelWaveNetState(
            seeds=tuple(seeds),
            temperature=temperature,
            position=torch.zeros(len(seeds), dtype=torch.int64),
            outside=self.left_context,
            frames=torch.zeros(len(seeds), self.mel_spec.num_mels, 0, device=self.device),
            flows=tuple(conditioner.initial_state(nothing) for conditioner in self.conditioners),  # type: ignore[operator]
        )

    def advance(
        self, mel: Float[Tensor, "batch mel frame"], state: ParallelWaveNetState, *, last: bool
    ) -> tuple[Float[Tensor, "batch sample"], ParallelWaveNetState]:
        frames = self._extend(state.frames, mel, last=last)
        hops = frames.shape[-1] - self.left_context - self.right_context
        if hops < 1:
            return mel.new_zeros(mel.shape[0], 0), replace(state, frames=frames)
        length = hops * self.mel_spec.hop_length
        context = self.conditions(frames, (state.outside, self.right_context if last else 0))
        noise = BASES[self.config.base][1](state.seeds, state.position, length, device=mel.device)
        x, following = (noise * state.temperature).unsqueeze(1), list(state.flows)
        for i in reversed(range(len(following))):
            conditioner: GuidedWaveNet = self.conditioners[i]  # type: ignore[assignment]
            output, following[i] = conditioner.stream(x, context, following[i])
            x, _ = self._move(x, output)
        done = replace(
            state,
            position=state.position + length,
            outside=max(0, state.outside - hops),
            frames=frames[..., hops:],
            flows=tuple(following),
        )
        return x[:, 0] * self.config.level, done

    def conditions(
        self, frames: Float[Tensor, "batch mel context"], outside: tuple[int, int] = (0, 0)
    ) -> GroupContext:
        """What the flows are told in the hops that the frames determine.

        `outside`: how many of the frames, at each end, lie outside the utterance.
        """
        return GroupContext(self.upsampler((frames - self.config.mel_mean) / self.config.mel_std, outside))

    def draw_conditions(
        self, frames: Float[Tensor, "batch mel context"], generator: torch.Generator
    ) -> GroupContext:
        """The conditions of segments from anywhere in an utterance; nothing about them is random."""
        return self.conditions(frames)

    def render(
        self, noise: Float[Tensor, "batch sample"], conditions: GroupContext
    ) -> tuple[Float[Tensor, "batch sample"], Float[Tensor, "batch sample"]]:
        """Audio in one parallel pass from the start of an utterance, and the log-scale of each sample.

        Given the noise before it, sample t has the density of the base with that scale around
        audio_t - scale_t · noise_t.
        """
        x = noise.unsqueeze(1)
        log_scale = torch.full_like(noise, math.log(self.config.level))
        for conditioner in reversed(self.conditioners):
            x, log_slope = self._move(x, conditioner(x, conditions))
            log_scale = log_scale + log_slope[:, 0]
        return x[:, 0] * self.config.level, log_scale

    def _move(self, x: Tensor, output: Tensor) -> tuple[Tensor, Tensor]:
        """One flow towards data, which is the `Affine` of an `IAF` towards noise of its inverse."""
        return self.transform.to_noise(x, split_parameters(output, self.transform.num_parameters, x))

    def log_prob(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch"]:
        """Log-density, sample after sample; `audio` has at most `frames * hop_length` samples.

        Raises:
            InputError: more audio than the mel covers.
        """
        return self._log_probs(audio, mel).sum(dim=1)

    def score(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch sample"]:
        """Bits of each sample by the density times a step of 16-bit PCM."""
        return 15 - self._log_probs(audio, mel) / math.log(2)

    def _log_probs(self, audio: Tensor, mel: Tensor) -> Tensor:
        check_frames(mel, self.mel_spec)
        length, missing = audio.shape[1], mel.shape[2] * self.mel_spec.hop_length - audio.shape[1]
        if missing < 0:
            raise InputError(f"audio: {length} samples are more than {mel.shape[2]} frames cover; cut it")
        frames = self._extend(mel[..., :0], mel, last=True)
        context = self.conditions(frames, (self.left_context, self.right_context))
        scaled = F.pad(audio / self.config.level, (0, missing)).unsqueeze(1)
        noise, _ = self.flow.to_noise(scaled, context)
        _, log_scale = self.render(noise[:, 0], context)
        return (BASES[self.config.base][0].standard_log_prob(noise[:, 0]) - log_scale)[:, :length]

    def _extend(self, frames: Tensor, mel: Tensor, *, last: bool) -> Tensor:
        return extend_frames(frames, mel, left=self.left_context, right=self.right_context, last=last)
