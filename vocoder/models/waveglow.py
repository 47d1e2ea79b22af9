"""WaveGlow: noise to audio by affine couplings over groups of samples, in one parallel pass.

    squeeze → [1×1 convolution → affine coupling] × flows, some channels leaving early

The conditioner of each coupling is a WaveNet that looks equally far back and ahead, and at the upsampled mel
(Prenger, Valle and Catanzaro 2019). With whitening, a linear filter computed from the mel comes first, next
to the data, and the chain models what it leaves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from vocoder.errors import InputError
from vocoder.flows import (
    Affine,
    Chain,
    Elementwise,
    Flow,
    Inverse,
    InvertibleConv,
    MixtureCDF,
    Split,
    SplitCoupling,
    SqueezeTime,
)
from vocoder.flows.linear_filter import FrameFilters
from vocoder.flows.recursion import recursive_chunk
from vocoder.mel import MelSpec
from vocoder.models.base import Vocoder, check_frames
from vocoder.models.frames import extend_frames, normalize
from vocoder.models.glow_sampler import GlowSampler, GlowStep, StepState, to_noise_by_group
from vocoder.models.waveglow_config import WaveGlowConfig
from vocoder.models.whitening import Whitening
from vocoder.networks.frame_network import FrameNetwork
from vocoder.networks.upsampler import GroupUpsampler
from vocoder.networks.wavenet import WaveNet
from vocoder.noise import normal_noise

LOG_2PI = 1.8378770664093453
PCM_BITS = 15  # a step of 16-bit PCM is 2⁻¹⁵ of full scale
BLOCK_GROUPS = 2048
"""Groups that sampling takes on at once: the memory of an utterance does not grow with its length."""


@dataclass(frozen=True)
class WaveGlowState:
    """A batch of streams between two chunks."""

    seeds: tuple[int, ...]
    temperature: float
    frames: Float[Tensor, "batch mel known"]  # that are still needed, with the context of the first of them
    first: int  # frame of the utterance with which they begin, context apart
    groups: int  # taken on so far
    samples: int  # returned so far
    steps: list[StepState]
    residual: Float[Tensor, "batch waiting"]  # for the rest of its hop
    past_audio: Float[Tensor, "batch history"]


class WaveGlow(Vocoder):
    """A chain of 1×1 convolutions and affine couplings over groups of samples.

    Sample t of the noise belongs to sample t of the audio: channel t mod g of group t div g, for groups of g
    samples. Fewer than g samples at the end fill no group; they have no density and are silent in synthesis.

    Args:
        weight_norm: on every convolution of the couplings but the last, to train; fold it before saving.

    Attributes:
        left_context, right_context: frames that `encode` needs before the first and after the last hop.
    """

    kind: ClassVar[str] = "waveglow"
    likelihood: ClassVar[Literal["density"]] = "density"

    def __init__(self, config: WaveGlowConfig, mel_spec: MelSpec, *, weight_norm: bool = False) -> None:
        super().__init__()
        self.config: WaveGlowConfig = config
        self.mel_spec = mel_spec
        self.temperature = config.temperature
        self.whitening = Whitening(config.whitening, mel_spec) if config.whitening else None
        self.conditioning: FrameNetwork | None = None
        num_features = mel_spec.num_mels
        if config.conditioning is not None:
            num_features = config.conditioning.hidden
            self.conditioning = FrameNetwork(
                mel_spec.num_mels, num_features, **config.conditioning.model_dump()
            )
        self.upsampler = GroupUpsampler(
            num_features,
            mel_spec.hop_length,
            config.group_size,
            width=config.upsampling_width,
            out_channels=config.context_channels,
        )
        self.steps = [self._make_step(k, weight_norm) for k in range(config.flows)]
        squeeze = SqueezeTime(config.group_size)
        self.flow = Chain([squeeze, *_nest(self.steps), Inverse(squeeze)])
        readers = [network for network in (self.whitening, self.conditioning) if network is not None]
        self.left_context = max((network.left_context for network in readers), default=0)
        self.right_context = max(
            self.whitening.right_context + 1 if self.whitening else 0,  # the knot at the end of a hop
            self.conditioning.right_context if self.conditioning else 0,
        )
        self._packed: tuple[Any, GlowSampler] | None = None

    def _make_step(self, k: int, weight_norm: bool) -> GlowStep:
        config = self.config
        channels = config.channels(k)
        kept, transform = channels // 2, self._transform()
        network = WaveNet(
            kept,
            transform.num_parameters * (channels - kept),
            causal=False,
            kernel_size=config.wavenet.kernel_size,
            num_layers=config.wavenet.layers,
            residual_channels=config.wavenet.channels,
            skip_channels=config.wavenet.skip_channels,
            context_channels=self.upsampler.out_channels,
            weight_norm=weight_norm,
        )
        swap = config.alternate and k % 2 == 1
        coupling = SplitCoupling(network, num_kept=kept, swap=swap, transform=transform)
        leaving = config.early_size if k > 0 and k % config.early_every == 0 else 0
        return GlowStep(leaving, InvertibleConv(channels), coupling)

    def _transform(self) -> Elementwise:
        if self.config.coupling == "mixture":
            return MixtureCDF(self.config.components)
        return Affine(self.config.log_scale_bound)

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
        """The couplings' reach (96 frames, 1.1 s, as published) and that of the networks over frames."""
        cut = self.mel_spec.hop_length % self.config.group_size > 0  # the frame's last group goes beyond it
        reach = self.context_samples + cut * (self.config.group_size - 1)
        return math.ceil(reach / self.mel_spec.hop_length) + self.right_context

    @property
    def score_reach(self) -> tuple[int, int] | None:
        """All there is where groups do not begin with frames."""
        if self.mel_spec.hop_length % self.config.group_size:
            return None
        taps = self.config.whitening.num_taps if self.config.whitening else 0
        past = math.ceil((self.context_samples + taps) / self.mel_spec.hop_length)
        return past + self.config.upsampling_width + self.left_context, self.lookahead_frames

    def to_noise(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> tuple[Float[Tensor, "batch grouped"], Float[Tensor, "batch"]]:
        """The noise of a recording's whole groups, and log|det| of the map to it.

        Raises:
            InputError: a mel that does not fit or covers fewer samples than there are, or less than a group.
        """
        return self.encode(audio, self._around(audio, mel))

    def encode(
        self, audio: Float[Tensor, "batch sample"], frames: Float[Tensor, "batch mel context"]
    ) -> tuple[Float[Tensor, "batch grouped"], Float[Tensor, "batch"]]:
        """As `to_noise`, given also `left_context` frames before the audio's, `right_context` after."""
        residual, log_gain = self._whiten(audio, frames)
        z, log_det = self.flow.to_noise(residual, self._context(frames, residual.shape[2]))
        return z[:, 0], log_det + log_gain.sum(dim=1)

    @torch.no_grad()
    def to_audio(
        self, noise: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch grouped"]:
        """The audio of whole groups of given noise: `to_noise` backwards. Raises as that does.

        Without gradients; the flow's own `to_data` has them.
        """
        frames, size = self._around(noise, mel), self.config.group_size
        length = noise.shape[1] // size * size
        rows = noise[:, :length].unflatten(1, (length // size, size))
        sampler, context = self._sampler(), self._context(frames, length).transpose(1, 2)
        audio, _ = sampler.stream(rows, context, sampler.initial_state(len(noise)), last=True)
        residual = audio.flatten(1)
        if self.whitening is None:
            return residual
        filters = self._filters(frames)
        return self._color(self._fill(residual, frames), filters, self._silence(len(noise)))[:, :length]

    def log_prob(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch"]:
        """Log-density of the whole groups of `audio`, in nats, under noise of deviation `config.sigma`."""
        z, log_det = self.to_noise(audio, mel)
        return self.log_prob_of_noise(z).sum(dim=1) + log_det

    def log_prob_of_noise(self, z: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch sample"]:
        """Log-density of each noise sample, in nats."""
        sigma = self.config.sigma
        return -0.5 * (z / sigma).square() - math.log(sigma) - 0.5 * LOG_2PI

    def score(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch sample"]:
        """Bits of each sample by the density times a step of 16-bit PCM, the couplings' share group by group.

        Samples that fill no group get those of the last one that does.
        """
        frames, size = self._around(audio, mel), self.config.group_size
        residual, log_gain = self._whiten(audio, frames)
        context = self._context(frames, residual.shape[2])
        grouped, _ = SqueezeTime(size).to_noise(residual)
        z, log_slopes = to_noise_by_group(self.steps, grouped, context)
        z = z.transpose(1, 2).flatten(1)
        nats = self.log_prob_of_noise(z) + log_gain + log_slopes.repeat_interleave(size, dim=1) / size
        return F.pad(PCM_BITS - nats / math.log(2), (0, audio.shape[1] - nats.shape[1]), mode="replicate")

    def start(self, seeds: Sequence[int], temperature: float) -> WaveGlowState:
        nothing = torch.zeros(len(seeds), 0, device=self.device)
        return WaveGlowState(
            seeds=tuple(seeds),
            temperature=temperature,
            frames=torch.zeros(len(seeds), self.mel_spec.num_mels, 0, device=self.device),
            first=0,
            groups=0,
            samples=0,
            steps=self._sampler().initial_state(len(seeds)),
            residual=nothing,
            past_audio=self._silence(len(seeds)),
        )

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
        left, right, hop = self.left_context, self.right_context, self.mel_spec.hop_length
        frames = extend_frames(state.frames, mel, left=left, right=right, last=last)
        num_frames = state.first + max(0, frames.shape[2] - left - right)
        groups, size = self.upsampler.num_groups(num_frames), self.config.group_size
        length = (groups - state.groups) * size
        begin = self.upsampler.first_frame(state.groups)
        offset = self.upsampler.num_groups(begin)
        window = frames[..., begin - state.first :]
        context = self._context(window, (groups - offset) * size, (state.groups - offset) * size)
        noise = normal_noise(state.seeds, state.groups * size, length, device=mel.device) * state.temperature
        rows = noise.unflatten(1, (groups - state.groups, size))
        made, steps = self._sampler().stream(rows, context.transpose(1, 2), state.steps, last=last)
        residual = torch.cat([state.residual, made.flatten(1)], dim=1)
        if last:  # what fills no group is silent
            residual = F.pad(residual, (0, num_frames * hop - state.samples - residual.shape[1]))
        certain = residual.shape[1] // hop * hop if self.whitening else residual.shape[1]
        audio, past_audio = residual[:, :certain], state.past_audio
        if self.whitening is not None and certain:
            spoken = state.samples // hop
            needed = slice(spoken - state.first, spoken - state.first + left + certain // hop + right)
            audio = self._color(audio, self._filters(frames[..., needed]), past_audio)
            past_audio = torch.cat([past_audio, audio], dim=1)[:, certain:]
        samples = state.samples + certain
        first = min(self.upsampler.first_frame(groups), samples // hop)
        following = replace(
            state,
            frames=frames[..., max(0, first - state.first) :],
            first=max(first, state.first),
            groups=groups,
            samples=samples,
            steps=steps,
            residual=residual[:, certain:],
            past_audio=past_audio,
        )
        return audio, following

    def _sampler(self) -> GlowSampler:
        """The chain packed for sampling, again whenever the weights have changed."""
        weights = [(weight.data_ptr(), weight._version) for weight in self.parameters()]
        if self._packed is None or self._packed[0] != weights:
            self._packed = weights, GlowSampler(self.steps)
        return self._packed[1]

    def _around(self, signal: Tensor, mel: Tensor) -> Tensor:
        """The mel of a signal with its context; raises `InputError` where they do not fit."""
        check_frames(mel, self.mel_spec)
        length, covered = signal.shape[1], self.mel_spec.num_samples(mel.shape[2])
        if length > covered:
            raise InputError(
                f"{length} samples are more than the {covered} that {mel.shape[2]} frames cover: cut them"
            )
        if length < self.config.group_size:
            raise InputError(f"{length} samples do not fill a group of {self.config.group_size}: give more")
        return extend_frames(mel[..., :0], mel, left=self.left_context, right=self.right_context, last=True)

    def _context(self, frames: Tensor, stop: int, start: int = 0) -> Tensor:
        """What the mel tells the groups from sample `start` to `stop`, counted from the frames' first hop."""
        size = self.config.group_size
        if start == stop:
            return frames.new_zeros(len(frames), self.upsampler.out_channels, 0)
        features = self._centre(frames, self.conditioning)
        if self.conditioning is not None:
            features = self.conditioning(normalize(features))
        return self.upsampler(features, start // size, stop // size)

    def _centre(
        self, frames: Tensor, reader: FrameNetwork | Whitening | None, *, knots: bool = False
    ) -> Tensor:
        """The frames without the context that `reader` does not need; with `knots`, one more at the end."""
        own_left = reader.left_context if reader is not None else 0
        own_right = reader.right_context + knots if reader is not None else 0
        return frames[..., self.left_context - own_left : frames.shape[2] - self.right_context + own_right]

    def _filters(self, frames: Tensor) -> FrameFilters:
        assert self.whitening is not None
        return self.whitening(self._centre(frames, self.whitening, knots=True))

    def _whiten(self, audio: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """What the chain models `[B, 1, T]`, in whole groups, and the logarithm of its slope in x."""
        length = audio.shape[1] // self.config.group_size * self.config.group_size
        if self.whitening is None:
            return audio[:, None, :length], torch.zeros_like(audio[:, :length])
        with torch.autocast(audio.device.type, enabled=False):
            filters = self._filters(frames)
            residual, _ = self.whitening.flow.to_noise(self._fill(audio, frames).unsqueeze(1), filters)
        return residual[..., :length], self.whitening.filter.log_diagonal(filters.taps)[:, :length]

    def _color(self, residual: Tensor, filters: FrameFilters, past: Tensor) -> Tensor:
        """Audio of whole hops of what the chain makes."""
        return recursive_chunk(residual, filters.taps, past, self.mel_spec.hop_length)

    def _fill(self, signal: Tensor, frames: Tensor) -> Tensor:
        """The signal with zeros for what its last hop lacks: the filter is causal, so they change nothing."""
        hops = frames.shape[2] - self.left_context - self.right_context
        return F.pad(signal, (0, self.mel_spec.num_samples(hops) - signal.shape[1]))

    def _silence(self, batch: int) -> Tensor:
        """What the filter remembers before the first sample."""
        taps = self.config.whitening.num_taps if self.config.whitening else 1
        return torch.zeros(batch, taps - 1, device=self.device)


def _nest(steps: Sequence[GlowStep]) -> list[Flow]:
    """The steps as flows; where channels leave, the steps after that are the rest of a `Split`."""
    flows: list[Flow] = []
    for step in reversed(steps):
        flows = [step.mix, step.coupling, *flows]
        if step.num_early:
            flows = [Split(step.num_early, Chain(flows))]
    return flows
