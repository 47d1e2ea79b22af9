"""Autoregressive vocoders: the density of each sample given those before it and the mel.

    p(x) = prod_t p(x_t | x_<t, mel)

Density and training are one parallel pass; sampling is sequential (van den Oord et al. 2016). A linear filter
may come first, next to the data; the network then models what the filter leaves, the residual.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from vocoder.distributions import QuantizationGrid
from vocoder.distributions.output import Density, OutputConfig
from vocoder.errors import InputError
from vocoder.flows.base import Inverse
from vocoder.flows.linear_filter import FrameFilters, LinearFilter
from vocoder.flows.recursion import recursive_chunk
from vocoder.mel import MelSpec
from vocoder.models.base import Vocoder, check_frames
from vocoder.models.frames import extend_frames
from vocoder.models.high_band import REACH, high_band
from vocoder.models.warmth import Warmth
from vocoder.networks.of_weights import OfWeights
from vocoder.noise import logistic_noise, normal_noise, uniform_noise

PCM16 = QuantizationGrid(bits=16)


class Conditions(NamedTuple):
    """What the mel says: to the filter, if there is one, to the network, and to the noise in synthesis."""

    filters: FrameFilters | None
    context: Any
    warmth: Warmth | None = None  # none is 1 everywhere


@runtime_checkable
class Sampler(Protocol):
    """The compiled sequential direction of a network."""

    def start(self, batch: int) -> Any: ...

    def sample(
        self,
        noise: Tensor,
        uniform: Tensor,
        context: Any,
        state: Any,
        *,
        temperature: float = 1.0,
        threads: int = 1,
    ) -> tuple[Tensor, Any]: ...


DENSITY_FLOOR: Any = Field(
    default=0.0,
    ge=0,
    description="nothing is drawn where the density, per unit of what the network models, is lower",
)
"""A field of configurations. Clicks begin in the tails: after a sample far out the next is expected there
too, and so on. LPCNet draws nothing improbable for that reason (Valin and Skoglund 2019). Densities and
scores are of the whole density all the same."""


@dataclass(frozen=True)
class AutoregressiveState:
    """A batch of streams between two chunks."""

    seeds: tuple[int, ...]
    temperature: float
    position: Int[Tensor, "batch"]  # samples returned so far, on the CPU
    outside: int  # frames of the context that lie before the utterance
    frames: Float[Tensor, "batch mel context"]  # still needed as context, or not yet spoken
    sampler: Any
    past_audio: Float[Tensor, "batch history"]


class AutoregressiveVocoder(Vocoder):
    """Must implement `conditions`, `predict`, `receptive_field` and `make_sampler`; the rest is derived.

    Attributes:
        output: the family of densities.
        level: what audio is divided by where no filter is.
        num_taps: of the filter; 1 without one.
        left_context: frames needed before the first hop; `lookahead_frames` are needed after the last.
    """

    likelihood: Literal["exact", "mu-law"] = "exact"
    output: OutputConfig
    level: float
    num_taps: int
    left_context: int

    def __init__(self, mel_spec: MelSpec) -> None:
        super().__init__()
        self.mel_spec = mel_spec
        self.filter = LinearFilter(mel_spec.hop_length)
        self.whiten = Inverse(self.filter)
        self._sampler = OfWeights(_make_sampler)
        self.high_pass: Tensor | None = None  # for a warmth by band; on the CPU, as its noise is

    @abstractmethod
    def conditions(
        self, frames: Float[Tensor, "batch mel context"], outside: tuple[int, int] = (0, 0)
    ) -> Conditions:
        """What is told in the hops that the frames, with context on both sides, determine.

        `outside`: how many of the frames, at each end, lie outside the utterance.
        """

    @abstractmethod
    def predict(
        self, residual: Float[Tensor, "batch sample"], context: Any
    ) -> Float[Tensor, "batch parameter sample"]:
        """The parameters of each sample from those before it, in one pass."""

    @property
    @abstractmethod
    def receptive_field(self) -> int:
        """Past samples of the residual that a sample depends on."""

    @abstractmethod
    def make_sampler(self) -> Sampler:
        """The sequential direction, with the weights that the network has now."""

    @property
    def sampler(self) -> Sampler:
        """As `make_sampler`, kept until the weights change."""
        return self._sampler(self)

    @property
    def score_reach(self) -> tuple[int, int]:
        """What the networks see of the mel, and as much audio before that as filter and network see."""
        past = math.ceil((self.receptive_field + self.num_taps - 1) / self.mel_spec.hop_length)
        return self.left_context + past, self.lookahead_frames

    def start(self, seeds: Sequence[int], temperature: float) -> AutoregressiveState:
        return AutoregressiveState(
            seeds=tuple(seeds),
            temperature=temperature,
            position=torch.zeros(len(seeds), dtype=torch.int64),
            outside=self.left_context,
            frames=torch.zeros(len(seeds), self.mel_spec.num_mels, 0, device=self.device),
            sampler=self.sampler.start(len(seeds)),
            past_audio=torch.zeros(len(seeds), self.num_taps - 1, device=self.device),
        )

    def advance(
        self, mel: Float[Tensor, "batch mel frame"], state: AutoregressiveState, *, last: bool
    ) -> tuple[Float[Tensor, "batch sample"], AutoregressiveState]:
        frames = self._extend(state.frames, mel, last=last)
        hops = frames.shape[-1] - self.left_context - self.lookahead_frames
        if hops < 1:
            return mel.new_zeros(mel.shape[0], 0), replace(state, frames=frames)
        hop_length = self.mel_spec.hop_length
        length = hops * hop_length
        conditions = self.conditions(frames, (state.outside, self.lookahead_frames if last else 0))
        noise = self._noise(state, length, conditions.warmth)
        residual, sampler = self.sampler.sample(
            noise,
            uniform_noise(state.seeds, state.position, length, lane=1),
            conditions.context,
            state.sampler,
            temperature=state.temperature,
            threads=torch.get_num_threads(),
        )
        audio, past_audio = self._color(residual.to(mel.device), conditions, state.past_audio)
        following = replace(
            state,
            position=state.position + length,
            outside=max(0, state.outside - hops),
            frames=frames[..., hops:],
            sampler=sampler,
            past_audio=past_audio,
        )
        return audio, following

    def log_likelihood(
        self, audio: Float[Tensor, "batch sample"], conditions: Conditions
    ) -> Float[Tensor, "batch sample"]:
        """Log-probability of each 16-bit sample given those before it, exact, in nats.

        Where the output is categorical, that of the sample's mu-law class. `audio` lies on the grid of 16-bit
        PCM and has as many samples as the conditions describe.
        """
        return self.density(audio, conditions).bin_log_prob(PCM16.index(audio), PCM16)

    def log_prob(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch"]:
        """Log-density in one parallel pass; `audio` has at most `frames * hop_length` samples.

        Raises:
            NoDensity: the output is categorical.
        """
        padded, conditions = self._cover(audio, mel)
        return self.density(padded, conditions).log_prob(padded)[:, : audio.shape[1]].sum(dim=1)

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
        return F.pad(audio, (0, missing)), self.conditions(frames, (self.left_context, self.lookahead_frames))

    def density(self, audio: Float[Tensor, "batch sample"], conditions: Conditions) -> Density:
        """The density of each sample given those before it, in one parallel pass."""
        residual, log_gain = self._residual(audio, conditions)
        parameters = self.predict(residual, conditions.context)
        return self.output.density_of_data(parameters, residual, audio, log_gain)

    def _residual(self, audio: Tensor, conditions: Conditions) -> tuple[Tensor, Tensor]:
        """The residual, and the logarithm of its slope in each sample of audio."""
        if conditions.filters is None:
            return audio / self.level, torch.full_like(audio, -math.log(self.level))
        residual, _ = self.whiten.to_noise(audio.unsqueeze(1), conditions.filters)
        return residual[:, 0], self.filter.log_diagonal(conditions.filters.taps)

    def _color(self, residual: Tensor, conditions: Conditions, past: Tensor) -> tuple[Tensor, Tensor]:
        """Audio of a residual, and what of it the next chunk needs."""
        if conditions.filters is None:
            return residual * self.level, past
        audio = recursive_chunk(residual, conditions.filters.taps, past, self.mel_spec.hop_length)
        return audio, torch.cat([past, audio], dim=1)[:, audio.shape[1] :]

    def _noise(self, state: AutoregressiveState, length: int, warmth: Warmth | None) -> Tensor:
        """What the network is given, but for the temperature.

        With a warmth by band, sample t has the draw of sample t + `REACH`.
        """
        if self.output.categorical:  # a class needs the uniform draw alone
            return torch.zeros(len(state.seeds), length)
        draw = {"logistic": logistic_noise, "gaussian": normal_noise}[self.output.family]
        if warmth is None or warmth.above is None:
            noise = draw(state.seeds, state.position, length)
            return noise if warmth is None else noise * warmth.below.to(noise)
        noise = draw(state.seeds, state.position, length + 2 * REACH)
        assert self.high_pass is not None
        upper, noise = high_band(noise, self.high_pass), noise[:, REACH:-REACH]
        below, above = warmth.below.to(noise), warmth.above.to(noise)
        return below * noise + (above - below) * upper

    def _extend(self, frames: Tensor, mel: Tensor, *, last: bool) -> Tensor:
        return extend_frames(frames, mel, left=self.left_context, right=self.lookahead_frames, last=last)


def _make_sampler(voice: AutoregressiveVocoder) -> Sampler:
    return voice.make_sampler()
