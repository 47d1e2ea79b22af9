"""WaveGlow: noise to audio by affine couplings over groups of samples, in one parallel pass.

    squeeze → [1×1 convolution → affine coupling] × flows, some channels leaving early

The conditioner of each coupling is a WaveNet that looks equally far back and ahead, and at the upsampled mel
(Prenger, Valle and Catanzaro 2019). With whitening, a linear filter computed from the mel comes first, next
to the data, and the chain models what it leaves. With a voiced source instead, pitch pulses are added to what
the filter makes of the chain's excitation, and the conditioners are told where they are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

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
from vocoder.mel import MelSpec
from vocoder.models.glow_reader import GlowReader, Reading
from vocoder.models.glow_sampler import GlowSampler, GlowStep, StepState, to_noise_by_group
from vocoder.models.glow_stream import ReadingState
from vocoder.models.warmth import warmth
from vocoder.models.waveglow_config import WaveGlowConfig
from vocoder.networks.of_weights import OfWeights
from vocoder.networks.wavenet import WaveNet
from vocoder.noise import Seeds, normal_noise

LOG_2PI = 1.8378770664093453
PCM_BITS = 15  # a step of 16-bit PCM is 2⁻¹⁵ of full scale
BLOCK_GROUPS = 2048
"""Groups that sampling takes on at once: the memory of an utterance does not grow with its length."""


@dataclass(frozen=True)
class WaveGlowState:
    """A batch of streams between two chunks."""

    seeds: Seeds
    temperature: float
    origin: Int[Tensor, "batch"]  # the sample that frame, group and sample 0 begin with, on the CPU
    reading: ReadingState  # of the mel
    groups: int  # those taken on come up to this
    samples: int  # those returned come up to this
    steps: list[StepState]
    phase: Float[Tensor, "batch"]  # of the pulses after the groups taken on, in cycles, float64
    residual: Float[Tensor, "batch waiting"]  # for the rest of its hop
    past: Float[Tensor, "batch history"]  # what the filter remembers
    pulses: Float[
        Tensor, "batch history_and_waiting"
    ]  # those that it remembers, and those of the groups taken on
    air: Float[Tensor, "batch waiting_air"]  # of the groups taken on, for the filter


class WaveGlow(GlowReader):
    """A chain of 1×1 convolutions and affine couplings over groups of samples.

    Sample t of the noise belongs to sample t of the audio: channel t mod g of group t div g, for groups of g
    samples. Fewer than g samples at the end fill no group; they have no density and are silent in synthesis.

    Args:
        weight_norm: on every convolution of the couplings but the last, to train; fold it before saving.

    Attributes:
        left_context, right_context: frames that `encode` needs before the first and after the last hop.
    """

    kind = "waveglow"
    likelihood = "density"

    def __init__(self, config: WaveGlowConfig, mel_spec: MelSpec, *, weight_norm: bool = False) -> None:
        super().__init__(config, mel_spec)
        self.steps = [self._make_step(k, weight_norm) for k in range(config.flows)]
        squeeze = SqueezeTime(config.group_size)
        self.flow = Chain([squeeze, *_nest(self.steps), Inverse(squeeze)])
        self._sampler = OfWeights(_pack)

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
            attention_heads=config.wavenet.attention_heads,
            attention_reach=config.wavenet.attention_reach,
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
        chain = math.ceil(reach / self.mel_spec.hop_length) + self.stream.right_of_chain
        return max(chain, self.right_context)

    @property
    def score_reach(self) -> tuple[int, int] | None:
        """All there is where groups do not begin with frames, or pulses hold their phase through a pause."""
        if self.mel_spec.hop_length % self.config.group_size or self.source is not None:
            return None
        taps = self.stage.num_taps if self.stage else 0
        past = math.ceil((self.context_samples + taps) / self.mel_spec.hop_length)
        return past + self.config.upsampling_width + self.left_context, self.lookahead_frames

    def to_noise(
        self,
        audio: Float[Tensor, "batch sample"],
        mel: Float[Tensor, "batch mel frame"],
        drift: Float[Tensor, "batch knot"] | None = None,
    ) -> tuple[Float[Tensor, "batch grouped"], Float[Tensor, "batch"]]:
        """The noise of a recording's whole groups, and log|det| of the map to it.

        Args:
            drift: of the pulses from integrated F0, in cycles at the F + 1 ends of F hops, as `drift_of`
                measures it in a recording; without it they are where synthesis has them.

        Raises:
            InputError: a mel that does not fit or covers fewer samples than there are, or less than a group.
        """
        return self.encode(audio, self.read(self.around(audio, mel), audio.shape[1], drift))

    def encode(
        self, audio: Float[Tensor, "batch sample"], told: Reading
    ) -> tuple[Float[Tensor, "batch grouped"], Float[Tensor, "batch"]]:
        """As `to_noise`, given what `read` says of the audio's samples."""
        residual, log_gain = self.whiten(audio, told)
        z, log_det = self.flow.to_noise(residual, told.context)
        return z[:, 0], log_det + log_gain.sum(dim=1)

    def decode(self, noise: Float[Tensor, "batch sample"], told: Reading) -> Float[Tensor, "batch sample"]:
        """`encode` backwards for whole hops, which groups must divide; with gradients, for training."""
        residual, _ = self.flow.to_data(noise.unsqueeze(1), told.context)
        return self.color(residual[:, 0], told)

    @torch.no_grad()
    def to_audio(
        self,
        noise: Float[Tensor, "batch sample"],
        mel: Float[Tensor, "batch mel frame"],
        drift: Float[Tensor, "batch knot"] | None = None,
    ) -> Float[Tensor, "batch grouped"]:
        """The audio of whole groups of given noise: `to_noise` backwards. Raises as that does.

        Without gradients; `decode` has them.
        """
        size = self.config.group_size
        length = noise.shape[1] // size * size
        told = self.read(self.around(noise, mel), length, drift)
        rows = noise[:, :length].unflatten(1, (length // size, size))
        sampler = self._sampler(self)
        audio, _ = sampler.stream(
            rows, told.context.transpose(1, 2), sampler.initial_state(len(noise)), last=True
        )
        return self.color(audio.flatten(1), told)

    def log_prob(
        self,
        audio: Float[Tensor, "batch sample"],
        mel: Float[Tensor, "batch mel frame"],
        drift: Float[Tensor, "batch knot"] | None = None,
    ) -> Float[Tensor, "batch"]:
        """Log-density of the whole groups of `audio`, in nats, under noise of deviation `config.sigma`."""
        z, log_det = self.to_noise(audio, mel, drift)
        return self.log_prob_of_noise(z).sum(dim=1) + log_det

    def log_prob_of_noise(self, z: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch sample"]:
        """Log-density of each noise sample, in nats."""
        sigma = self.config.sigma
        return -0.5 * (z / sigma).square() - math.log(sigma) - 0.5 * LOG_2PI

    def score(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch sample"]:
        """Bits of each sample by the density times a step of 16-bit PCM, the couplings' share group by group.

        The pulses are where the recording has them (`drift_of`). Samples that fill no group get the bits of
        the last one that does.
        """
        frames, size = self.around(audio, mel), self.config.group_size
        told = self.read(frames, audio.shape[1], self.drift_of(audio, frames))
        residual, log_gain = self.whiten(audio, told)
        grouped, _ = SqueezeTime(size).to_noise(residual)
        z, log_slopes = to_noise_by_group(self.steps, grouped, told.context)
        z = z.transpose(1, 2).flatten(1)
        nats = self.log_prob_of_noise(z) + log_gain + log_slopes.repeat_interleave(size, dim=1) / size
        return F.pad(PCM_BITS - nats / math.log(2), (0, audio.shape[1] - nats.shape[1]), mode="replicate")

    @property
    def recordable(self) -> bool:
        return self.config.coupling == "affine" and self.whitening is None  # others search, or recur

    def start(self, seeds: Sequence[int], temperature: float) -> WaveGlowState:
        return self._start(
            torch.zeros(len(seeds), self.mel_spec.num_mels, 0, device=self.device), seeds, temperature
        )

    def start_at(
        self,
        frame: int,
        seeds: Sequence[int],
        temperature: float,
        phase: Float[Tensor, "batch"] | None = None,
        before: Float[Tensor, "batch mel known"] | None = None,
    ) -> WaveGlowState:
        """The state of a stream that takes the utterance's frames from `frame` on, as if before were nothing.

        Its audio begins `upsampler.width` - 1 frames later, or at once for frame 0; its noise is the whole's,
        and so are its pulses when `phase` is theirs where the audio begins.

        Args:
            before: the `left_context` frames before, without which the first stands for them.

        Raises as `check_start` does.
        """
        self.check_start()
        if before is None:
            before = torch.zeros(len(seeds), self.mel_spec.num_mels, 0, device=self.device)
        state = self._start(before, seeds, temperature, frame)
        if phase is not None:
            state = replace(state, phase=phase)
        if frame == 0:
            return state
        samples = (frame + self.upsampler.width - 1) * self.mel_spec.hop_length
        return replace(state, groups=samples // self.config.group_size, samples=samples)

    def _start(
        self, before: Tensor, seeds: Sequence[int], temperature: float, frame: int = 0
    ) -> WaveGlowState:
        nothing = torch.zeros(len(seeds), 0, device=self.device)
        return WaveGlowState(
            seeds=tuple(seeds),
            temperature=temperature,
            origin=torch.zeros(len(seeds), dtype=torch.int64),
            reading=self.stream.start(before, frame),
            groups=0,
            samples=0,
            steps=self._sampler(self).initial_state(len(seeds)),
            phase=torch.zeros(len(seeds), dtype=torch.float64, device=self.device),
            residual=nothing,
            past=self.silence(len(seeds)),
            pulses=self.silence(len(seeds)),
            air=nothing,
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
        hop, size = self.mel_spec.hop_length, self.config.group_size
        num_frames, reading = self.stream.read(mel, state.reading, last=last)
        groups = max(state.groups, self.upsampler.num_groups(num_frames))
        length = (groups - state.groups) * size
        noise = normal_noise(state.seeds, state.origin + state.groups * size, length, device=mel.device)
        noise, new, phase = noise * state.temperature, None, state.phase
        pulses, air = state.pulses, state.air
        if self.source is not None and reading.heard is not None and length:
            knots = reading.heard.between(state.groups * size // hop, num_frames + 1)
            new, phase = self.source.pulses(knots[:, 0], phase)
            pulses = torch.cat([pulses, new], dim=1)
            if (factors := warmth(self.config.voiced, knots[:, 1], hop)) is not None:
                noise = noise * factors.to(noise)
            if self.air is not None:
                position = state.origin + state.groups * size
                place = (state.seeds, position, knots[:, 0], knots[:, 1], state.phase)
                air = torch.cat([air, self.air(*place, state.temperature)], dim=1)
        begin = self.upsampler.first_frame(state.groups)
        offset = self.upsampler.num_groups(begin)
        context = self.upsample(
            reading.told.between(begin, num_frames),
            (state.groups - offset) * size,
            (groups - offset) * size,
            new,
        )
        rows = noise.unflatten(1, (groups - state.groups, size))
        made, steps = self._sampler(self).stream(rows, context.transpose(1, 2), state.steps, last=last)
        if self.config.bound is not None:
            made = made.clamp(-self.config.bound, self.config.bound)
        residual = torch.cat([state.residual, made.flatten(1)], dim=1)
        if last:  # what fills no group is silent
            residual = F.pad(residual, (0, num_frames * hop - state.samples - residual.shape[1]))
        audio, past, certain = residual, state.past, residual.shape[1]
        if self.stage is not None:
            spoken, history = state.samples // hop, past.shape[1]
            hops = max(0, min(certain // hop, self.stream.filterable(reading) - spoken))
            audio, certain = residual[:, : hops * hop], hops * hop
            if hops:
                present, before = pulses[:, history : history + certain], pulses[:, :history]
                filters, reading = self.stream.filters(spoken, spoken + hops, reading, present, before)
                if self.air is not None:
                    audio, air = audio + air[:, :certain], air[:, certain:]
                audio, past = self.stage.color(audio, filters, past)
                pulses = pulses[:, certain if self.source is not None else 0 :]
        samples = state.samples + certain
        told = self.upsampler.first_frame(groups)
        done = self.upsampler.whole(min(told, samples // hop))  # streams meet: all is counted from there on
        following = replace(
            state,
            origin=state.origin + done * hop,
            reading=reading.forget(told=told, heard=groups * size // hop, by=done),
            groups=groups - self.upsampler.num_groups(done),
            samples=samples - done * hop,
            steps=steps,
            phase=phase,
            residual=residual[:, certain:],
            past=past,
            pulses=pulses,
            air=air,
        )
        return audio, following


def _pack(voice: WaveGlow) -> GlowSampler:
    """The chain for sampling, as it is now."""
    return GlowSampler(voice.steps)


def _nest(steps: Sequence[GlowStep]) -> list[Flow]:
    """The steps as flows; where channels leave, the steps after that are the rest of a `Split`."""
    flows: list[Flow] = []
    for step in reversed(steps):
        flows = [step.mix, step.coupling, *flows]
        if step.num_early:
            flows = [Split(step.num_early, Chain(flows))]
    return flows
