"""WaveGlow: noise to audio by affine couplings over groups of samples, in one parallel pass.

    squeeze → [1×1 convolution → affine coupling] × flows, some channels leaving early

The conditioner of each coupling is a WaveNet that looks equally far back and ahead, and at the upsampled mel
(Prenger, Valle and Catanzaro 2019).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional as F

from vocoder.config import Config
from vocoder.errors import InputError
from vocoder.flows import Affine, Chain, Flow, Inverse, InvertibleConv, Split, SplitCoupling, SqueezeTime
from vocoder.mel import MelSpec
from vocoder.models.base import Vocoder, check_frames
from vocoder.models.glow_sampler import GlowSampler, GlowStep, StepState
from vocoder.networks.upsampler import GroupUpsampler
from vocoder.networks.wavenet import WaveNet
from vocoder.noise import normal_noise

LOG_2PI = 1.8378770664093453
BLOCK_GROUPS = 2048
"""Groups that sampling takes on at once: the memory of an utterance does not grow with its length."""


class CouplingConfig(Config):
    """Sizes of the WaveNet in each coupling; dilations double from layer to layer."""

    layers: int = Field(default=8, ge=1)
    channels: int = Field(default=256, ge=2, description="residual channels")
    skip_channels: int = Field(default=256, ge=1)
    kernel_size: int = Field(default=3, ge=1)


class WaveGlowConfig(Config):
    """Everything that a WaveGlow is built from; the defaults are NVIDIA's published voice."""

    group_size: int = Field(default=8, ge=2, description="samples")
    flows: int = Field(default=12, ge=1, description="1×1 convolutions and couplings")
    early_every: int = Field(default=4, ge=1, description="flows after which channels leave")
    early_size: int = Field(default=2, ge=1, description="channels that leave")
    alternate: bool = Field(
        default=False, description="every second coupling keeps the other half, as NVIDIA's first voice did"
    )
    wavenet: CouplingConfig = CouplingConfig()
    log_scale_bound: float | None = Field(default=None, gt=0, description="of the couplings, in nats")
    upsampling_width: int = Field(default=4, ge=1, description="frames that reach a sample")
    context_channels: int | None = Field(
        default=None, ge=1, description="of the upsampled mel; as published, bands times group size"
    )
    sigma: float = Field(default=1.0, gt=0, description="of the noise that the density assumes")
    temperature: float = Field(
        default=0.6, ge=0, le=2, description="sigma of the noise in synthesis, unless a call says otherwise"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "WaveGlowConfig":
        left = self.channels(self.flows - 1)
        if left < 2:
            raise ValueError(
                f"group_size {self.group_size} leaves {left} channels to the last of {self.flows} flows, "
                f"of which {self.early_size} leave after every {self.early_every}: at least 2 must be left"
            )
        if self.wavenet.kernel_size % 2 == 0:
            raise ValueError(f"wavenet.kernel_size must be odd, got {self.wavenet.kernel_size}")
        return self

    def channels(self, flow: int) -> int:
        """Channels that are left in flow number `flow`."""
        return self.group_size - self.early_size * (flow // self.early_every)


@dataclass(frozen=True)
class WaveGlowState:
    """A batch of streams between two chunks."""

    seeds: tuple[int, ...]
    temperature: float
    frames: Float[Tensor, "batch mel known"]  # that later groups still need
    first: int  # frame of the utterance with which they begin
    groups: int  # taken on so far
    samples: int  # returned so far
    steps: list[StepState]


class WaveGlow(Vocoder):
    """A chain of 1×1 convolutions and affine couplings over groups of samples.

    Sample t of the noise belongs to sample t of the audio: channel t mod g of group t div g, for groups of g
    samples. Fewer than g samples at the end fill no group; they have no density and are silent in synthesis.

    Args:
        weight_norm: on every convolution of the couplings but the last, to train; fold it before saving.
    """

    kind: ClassVar[str] = "waveglow"

    def __init__(self, config: WaveGlowConfig, mel_spec: MelSpec, *, weight_norm: bool = False) -> None:
        super().__init__()
        self.config: WaveGlowConfig = config
        self.mel_spec = mel_spec
        self.temperature = config.temperature
        self.upsampler = GroupUpsampler(
            mel_spec.num_mels,
            mel_spec.hop_length,
            config.group_size,
            width=config.upsampling_width,
            out_channels=config.context_channels,
        )
        self.steps = [self._make_step(k, weight_norm) for k in range(config.flows)]
        squeeze = SqueezeTime(config.group_size)
        self.flow = Chain([squeeze, *_nest(self.steps), Inverse(squeeze)])
        self._packed: tuple[Any, GlowSampler] | None = None

    def _make_step(self, k: int, weight_norm: bool) -> GlowStep:
        config = self.config
        channels = config.channels(k)
        kept = channels // 2
        network = WaveNet(
            kept,
            2 * (channels - kept),
            causal=False,
            kernel_size=config.wavenet.kernel_size,
            num_layers=config.wavenet.layers,
            residual_channels=config.wavenet.channels,
            skip_channels=config.wavenet.skip_channels,
            context_channels=self.upsampler.out_channels,
            weight_norm=weight_norm,
        )
        swap = config.alternate and k % 2 == 1
        coupling = SplitCoupling(network, num_kept=kept, swap=swap, transform=Affine(config.log_scale_bound))
        leaving = config.early_size if k > 0 and k % config.early_every == 0 else 0
        return GlowStep(leaving, InvertibleConv(channels), coupling)

    def remove_weight_norm(self) -> None:
        """Fold the norms into plain weights, as checkpoints keep them."""
        for step in self.steps:
            step.network.remove_weight_norm()

    @property
    def context_samples(self) -> int:
        """Samples on either side of a group that the couplings see; the mel reaches further back."""
        return self.config.group_size * sum((step.network.receptive_field - 1) // 2 for step in self.steps)

    @property
    def lookahead_frames(self) -> int:
        """The couplings' reach: 96 frames, 1.1 s, for the published voices."""
        cut = self.mel_spec.hop_length % self.config.group_size > 0  # the frame's last group goes beyond it
        reach = self.context_samples + cut * (self.config.group_size - 1)
        return math.ceil(reach / self.mel_spec.hop_length)

    def to_noise(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> tuple[Float[Tensor, "batch grouped"], Float[Tensor, "batch"]]:
        """The noise of a recording's whole groups, and log|det| of the map to it.

        Raises:
            InputError: a mel that does not fit or covers fewer samples than there are, or less than a group.
        """
        groups = self._count_groups(audio, mel)
        grouped = audio[:, None, : groups * self.config.group_size]
        z, log_det = self.flow.to_noise(grouped, self.upsampler(mel, 0, groups))
        return z[:, 0], log_det

    @torch.no_grad()
    def to_audio(
        self, noise: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch grouped"]:
        """The audio of whole groups of given noise: `to_noise` backwards. Raises as that does.

        Without gradients; the flow's own `to_data` has them.
        """
        groups = self._count_groups(noise, mel)
        rows = noise[:, : groups * self.config.group_size].unflatten(1, (groups, -1))
        sampler, context = self._sampler(), self.upsampler(mel, 0, groups).transpose(1, 2)
        audio, _ = sampler.stream(rows, context, sampler.initial_state(len(noise)), last=True)
        return audio.flatten(1)

    def log_prob(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch"]:
        """Log-density of the whole groups of `audio`, in nats, under noise of deviation `config.sigma`."""
        z, log_det = self.to_noise(audio, mel)
        sigma = self.config.sigma
        return log_det - (0.5 * (z / sigma).square() + math.log(sigma) + 0.5 * LOG_2PI).sum(dim=1)

    def start(self, seeds: Sequence[int], temperature: float) -> WaveGlowState:
        empty = torch.zeros(len(seeds), self.mel_spec.num_mels, 0, device=self.device)
        steps = self._sampler().initial_state(len(seeds))
        return WaveGlowState(tuple(seeds), temperature, empty, 0, 0, 0, steps)

    def advance(
        self, mel: Float[Tensor, "batch mel frame"], state: WaveGlowState, *, last: bool
    ) -> tuple[Float[Tensor, "batch sample"], WaveGlowState]:
        blocks = mel.split(max(1, BLOCK_GROUPS * self.config.group_size // self.mel_spec.hop_length), dim=-1)
        audio = []
        for i, block in enumerate(blocks):
            samples, state = self._advance(block, state, last=last and i == len(blocks) - 1)
            audio.append(samples)
        return torch.cat(audio, dim=1), state

    def _advance(self, mel: Tensor, state: WaveGlowState, *, last: bool) -> tuple[Tensor, WaveGlowState]:
        frames = torch.cat([state.frames, mel], dim=-1)
        num_frames, size = state.first + frames.shape[-1], self.config.group_size
        groups = self.upsampler.num_groups(num_frames)
        begin = self.upsampler.num_groups(state.first)
        context = self.upsampler(frames, state.groups - begin, groups - begin).transpose(1, 2)
        length = (groups - state.groups) * size
        noise = normal_noise(state.seeds, state.groups * size, length, device=mel.device) * state.temperature
        rows = noise.unflatten(1, (groups - state.groups, size))
        audio, steps = self._sampler().stream(rows, context, state.steps, last=last)
        samples = audio.flatten(1)
        if last:
            missing = self.mel_spec.num_samples(num_frames) - state.samples - samples.shape[1]
            samples = F.pad(samples, (0, missing))
        first = self.upsampler.first_frame(groups)
        following = replace(
            state,
            frames=frames[..., first - state.first :],
            first=first,
            groups=groups,
            samples=state.samples + samples.shape[1],
            steps=steps,
        )
        return samples, following

    def _sampler(self) -> GlowSampler:
        """The chain packed for sampling, again whenever the weights have changed."""
        weights = [(weight.data_ptr(), weight._version) for weight in self.parameters()]
        if self._packed is None or self._packed[0] != weights:
            self._packed = weights, GlowSampler(self.steps)
        return self._packed[1]

    def _count_groups(self, signal: Tensor, mel: Tensor) -> int:
        """Whole groups of a signal that its mel covers; raises `InputError`."""
        check_frames(mel, self.mel_spec)
        length, covered = signal.shape[1], self.mel_spec.num_samples(mel.shape[2])
        if length > covered:
            raise InputError(
                f"{length} samples are more than the {covered} that {mel.shape[2]} frames cover: cut them"
            )
        if length < self.config.group_size:
            raise InputError(f"{length} samples do not fill a group of {self.config.group_size}: give more")
        return length // self.config.group_size


def _nest(steps: Sequence[GlowStep]) -> list[Flow]:
    """The steps as flows; where channels leave, the steps after that are the rest of a `Split`."""
    flows: list[Flow] = []
    for step in reversed(steps):
        flows = [step.mix, step.coupling, *flows]
        if step.num_early:
            flows = [Split(step.num_early, Chain(flows))]
    return flows
