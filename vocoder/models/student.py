"""The student: noise to audio by inverse autoregressive flows, in one parallel pass.

Its first stage, next to the data, is a linear IAF whose filters are computed from the mel, with a shift of
pitch pulses: x = b(mel) + A(mel) z. What a network would spend hours learning (the spectral envelope, the
harmonics) is stated; the network only corrects it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from vocoder.config import Config
from vocoder.errors import InputError
from vocoder.flows import Chain
from vocoder.flows.linear_filter import FrameFilters, LinearFilter, filter_chunk
from vocoder.mel import MelSpec
from vocoder.models.base import Vocoder, check_frames
from vocoder.models.frames import (
    FrameNetworkConfig,
    extend_frames,
    normalize,
    pitch_features,
    require_natural_log,
    spectral_envelope,
)
from vocoder.networks.excitation import pulse_train
from vocoder.networks.pitch import Pitch, PitchNetwork
from vocoder.networks.spectral_filter import FilterNetwork
from vocoder.noise import normal_noise

LOG_2PI = 1.8378770664093453


class StudentConfig(Config):
    """Sizes of the student; `num_taps` in samples, `num_bands` a source."""

    pitch: FrameNetworkConfig = FrameNetworkConfig()
    filters: FrameNetworkConfig = FrameNetworkConfig()
    num_bands: int = Field(default=128, ge=2)
    num_taps: int = Field(default=512, ge=2)
    noise_cepstrum: int = Field(default=96, ge=2, description="detail of the noise filter, in samples")
    temperature: float = Field(
        default=1.0, ge=0, le=2, description="of the noise, unless a call says otherwise"
    )


@dataclass(frozen=True)
class StudentState:
    """A batch of streams between two chunks."""

    seeds: tuple[int, ...]
    temperature: float
    position: int  # samples returned so far
    frames: Float[Tensor, "batch mel context"]  # still needed as context, or not yet spoken
    phase: Float[Tensor, "batch"]  # of the pulses at the next knot, in cycles
    past_noise: Float[Tensor, "batch history"]
    past_pulses: Float[Tensor, "batch history"]


class Student(Vocoder):
    """A chain of inverse autoregressive flows over standard normal noise (van den Oord et al. 2017)."""

    kind: ClassVar[str] = "student"

    def __init__(self, config: StudentConfig, mel_spec: MelSpec) -> None:
        super().__init__()
        require_natural_log(mel_spec)
        self.config: StudentConfig = config
        self.mel_spec = mel_spec
        self.temperature = config.temperature
        self.pitch = PitchNetwork(mel_spec.num_mels, **config.pitch.model_dump())
        self.filters = FilterNetwork(
            spectral_envelope(mel_spec, config.num_bands),
            num_taps=config.num_taps,
            noise_cepstrum=config.noise_cepstrum,
            **config.filters.model_dump(),
        )
        self.linear = LinearFilter(mel_spec.hop_length)
        self.flow = Chain([self.linear])
        pitch, filters = self.pitch.network, self.filters.network
        self.left_context = pitch.left_context + filters.left_context
        self.right_context = pitch.right_context + filters.right_context

    @property
    def lookahead_frames(self) -> int:
        """The networks' reach, and the knot at the end of the frame's samples."""
        return self.right_context + 1

    def start(self, seeds: Sequence[int], temperature: float) -> StudentState:
        batch, device = len(seeds), self.device
        history = torch.zeros(batch, self.config.num_taps - 1, device=device)
        return StudentState(
            seeds=tuple(seeds),
            temperature=temperature,
            position=0,
            frames=torch.zeros(batch, self.mel_spec.num_mels, 0, device=device),
            phase=torch.zeros(batch, dtype=torch.float64, device=device),
            past_noise=history,
            past_pulses=history,
        )

    def advance(
        self, mel: Float[Tensor, "batch mel frame"], state: StudentState, *, last: bool
    ) -> tuple[Float[Tensor, "batch sample"], StudentState]:
        frames = self._extend(state.frames, mel, last=last)
        hops = frames.shape[-1] - self.left_context - self.right_context - 1
        if hops < 1:
            return mel.new_zeros(mel.shape[0], 0), replace(state, frames=frames)
        length = hops * self.mel_spec.hop_length
        filters, phase, past_pulses = self.source_filters(frames, state.phase, state.past_pulses)
        noise = normal_noise(state.seeds, state.position, length, device=mel.device) * state.temperature
        audio, past_noise = self.linear.to_data_chunk(noise, filters, state.past_noise)
        following = replace(
            state,
            position=state.position + length,
            frames=frames[..., hops:],
            phase=phase,
            past_noise=past_noise,
            past_pulses=past_pulses,
        )
        return audio, following

    def source_filters(
        self,
        frames: Float[Tensor, "batch mel context"],
        phase: Float[Tensor, "batch"],
        past_pulses: Float[Tensor, "batch history"],
    ) -> tuple[FrameFilters, Float[Tensor, "batch"], Float[Tensor, "batch history"]]:
        """The context of the linear flow at each knot that the frames determine.

        Returns the filters of the noise with the shift of filtered pulses, and the pulses' phase and last
        samples to go on from.
        """
        pitch = self.read_pitch(frames)
        (f0,) = self.filters.network.without_context(pitch.frequency[None])
        centre = self.pitch.network.without_context(frames)
        features = torch.cat([normalize(centre), pitch_features(pitch).to(centre.dtype)], dim=1)
        filters = self.filters(centre, features)
        hop = self.mel_spec.hop_length
        pulses, phase = pulse_train(f0, phase, hop, self.mel_spec.sample_rate)
        shift = filter_chunk(pulses, filters.pulses, past_pulses, hop)
        past_pulses = torch.cat([past_pulses, pulses], dim=1)[:, -past_pulses.shape[1] :]
        return FrameFilters(filters.noise, shift.unsqueeze(1)), phase, past_pulses

    def read_pitch(self, frames: Float[Tensor, "batch mel context"]) -> Pitch:
        """F0 and voicing of the frames that remain without the pitch network's context."""
        return self.pitch(normalize(frames))

    def log_prob(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch"]:
        """Log-density by the recursive direction; `audio` has at most `frames * hop_length` samples.

        Zeros stand for the samples that the last frame lacks; being after the others, they change nothing
        for them and are not counted. The pulses start at phase 0, as in synthesis.
        """
        check_frames(mel, self.mel_spec)
        length, missing = audio.shape[1], mel.shape[2] * self.mel_spec.hop_length - audio.shape[1]
        if missing < 0:
            raise InputError(f"audio: {length} samples are more than {mel.shape[2]} frames cover; cut it")
        state = self.start([0] * len(mel), 1.0)
        frames = self._extend(state.frames, mel, last=True)
        filters, _, _ = self.source_filters(frames, state.phase, state.past_pulses)
        z, _ = self.flow.to_noise(F.pad(audio, (0, missing)).unsqueeze(1), filters)
        diagonal = self.linear.log_diagonal(filters.taps)[:, :length]
        return (-0.5 * (z[:, 0, :length].square() + LOG_2PI) - diagonal).sum(dim=1)

    def _extend(self, frames: Tensor, mel: Tensor, *, last: bool) -> Tensor:
        return extend_frames(frames, mel, left=self.left_context, right=self.lookahead_frames, last=last)
