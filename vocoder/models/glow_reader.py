"""What a mel tells a WaveGlow: a context for each group of its chain, and the stage next to the data."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.errors import ConfigError, InputError
from vocoder.flows.linear_filter import FrameFilters
from vocoder.mel import MelSpec
from vocoder.models.air import air_of
from vocoder.models.base import Vocoder, check_frames
from vocoder.models.frames import extend_frames, normalize
from vocoder.models.glow_stream import GlowStream
from vocoder.models.voiced_source import VoicedSource
from vocoder.models.waveglow_config import WaveGlowConfig
from vocoder.models.whitening import Whitening
from vocoder.networks.frame_network import FrameNetwork
from vocoder.networks.phase_track import fundamental_drift
from vocoder.networks.upsampler import GroupUpsampler


class Reading(NamedTuple):
    """What the frames of a recording or a segment say."""

    context: Float[Tensor, "batch context group"]
    filters: FrameFilters | None  # of the stage next to the data, if there is one


class GlowReader(Vocoder):
    """A WaveGlow without its chain.

    Attributes:
        left_context, right_context: frames that `read` needs before the first and after the last hop.
    """

    def __init__(self, config: WaveGlowConfig, mel_spec: MelSpec) -> None:
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
        self.source: VoicedSource | None = None
        if config.source is not None:
            self.check_start()  # or a pulse would belong to the groups of two hops
            self.source = VoicedSource(config.source, mel_spec)
            self.guide = nn.Conv1d(config.group_size, self.upsampler.out_channels, 1, bias=False)
            nn.init.zeros_(self.guide.weight)
        self.air = air_of(config.air, mel_spec, config.temperature)
        self.stream = GlowStream(mel_spec.num_mels, self.conditioning, self.stage)
        self.left_context, self.right_context = self.stream.left_context, self.stream.right_context

    @property
    def stage(self) -> Whitening | VoicedSource | None:
        """What lies between the chain and the data."""
        return self.whitening or self.source

    def read(
        self,
        frames: Float[Tensor, "batch mel context"],
        length: int,
        drift: Float[Tensor, "batch knot"] | None = None,
    ) -> Reading:
        """All that is told of `length` samples from the frames' first hop on, where pulses have phase 0.

        Args:
            frames: the hops' own, and `left_context` before, `right_context` after them.
            drift: of the pulses, as `drift_of` measures it.
        """
        pulses = self._pulses(frames, drift)
        size = self.config.group_size
        context = self.context(frames, length // size * size, pulses=pulses)
        return Reading(context, self.filters(frames, pulses) if self.stage is not None else None)

    def drift_of(
        self, audio: Float[Tensor, "batch sample"], frames: Float[Tensor, "batch mel context"]
    ) -> Float[Tensor, "batch knot"] | None:
        """Where the pulses of a recording are, given frames as for `encode`; None for a voice without pulses.

        A density given this is one of the recording given its mel and some 40 phases a second, of which the
        bits are not counted.
        """
        if self.source is None:
            return None
        f0, voiced = self.read_pitch(frames)
        return fundamental_drift(audio, f0, voiced, self.mel_spec.hop_length, self.sample_rate)

    def check_start(self) -> None:
        """Raise `ConfigError` unless groups begin with frames, so that a stream may begin with any."""
        hop, size = self.mel_spec.hop_length, self.config.group_size
        if hop % size:
            raise ConfigError(
                f"a stream may begin at a frame where groups divide the hop of {hop}, got {size}"
            )

    def around(self, signal: Tensor, mel: Tensor) -> Tensor:
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

    def context(self, frames: Tensor, stop: int, pulses: Tensor | None = None) -> Tensor:
        """What the groups up to sample `stop` are told, counted from the frames' first hop."""
        features = self._centre(frames, self.conditioning)
        if self.conditioning is not None and stop:
            features = self.conditioning(normalize(features))
        return self.upsample(features, 0, stop, pulses)

    def upsample(self, features: Tensor, start: int, stop: int, pulses: Tensor | None = None) -> Tensor:
        """What groups are told, given what the frames from sample 0 on say."""
        size = self.config.group_size
        context = self.upsampler(features, start // size, stop // size)
        if pulses is None or start == stop:
            return context
        guide = pulses[:, : stop - start].unflatten(1, (-1, size)).transpose(1, 2)
        return context + self.guide(guide.to(context.dtype))

    def read_pitch(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """F0 in Hz, and the probability of voice, at the ends of the frames' hops."""
        assert self.source is not None
        return self.source.pitch_at_knots(self._centre(frames, self.source.pitch.network, knots=True))

    def _pulses(self, frames: Tensor, drift: Tensor | None) -> Tensor | None:
        """The pulses in the frames' hops, which begin with phase 0."""
        if self.source is None:
            return None
        start = torch.zeros(len(frames), dtype=torch.float64, device=frames.device)
        return self.source.pulses(self.read_pitch(frames)[0], start, drift)[0]

    def phase_after(
        self, frames: Float[Tensor, "batch mel context"], phase: Float[Tensor, "batch"]
    ) -> Float[Tensor, "batch"]:
        """The phase of the pulses at the end of the frames' hops, given that at their start, in cycles."""
        if self.source is None:
            return phase
        return self.source.pulses(self.read_pitch(frames)[0], phase)[1]

    def _centre(
        self, frames: Tensor, reader: FrameNetwork | Whitening | VoicedSource | None, *, knots: bool = False
    ) -> Tensor:
        """The frames without the context that `reader` does not need; with `knots`, one more at the end."""
        own_left = reader.left_context if reader is not None else 0
        own_right = reader.right_context + knots if reader is not None else 0
        return frames[..., self.left_context - own_left : frames.shape[2] - self.right_context + own_right]

    def filters(self, frames: Tensor, pulses: Tensor | None) -> FrameFilters:
        """What the stage next to the data is told in the frames' hops, before which there were no pulses."""
        assert self.stage is not None
        needed = self._centre(frames, self.stage, knots=True)
        with torch.autocast(frames.device.type, enabled=False):
            if self.source is None or pulses is None:
                return self.stage(needed)
            return self.source(needed, pulses, self.silence(len(frames)))

    def whiten(
        self, audio: Float[Tensor, "batch sample"], told: Reading
    ) -> tuple[Float[Tensor, "batch 1 grouped"], Float[Tensor, "batch grouped"]]:
        """What the chain models, in whole groups, and the logarithm of its slope in the audio."""
        length = audio.shape[1] // self.config.group_size * self.config.group_size
        if self.stage is None or told.filters is None:
            return audio[:, None, :length], torch.zeros_like(audio[:, :length])
        with torch.autocast(audio.device.type, enabled=False):
            residual, _ = self.stage.flow.to_noise(self._fill(audio, told.filters)[:, None], told.filters)
        return residual[..., :length], self.stage.log_slope(told.filters)[:, :length]

    def color(
        self, residual: Float[Tensor, "batch grouped"], told: Reading
    ) -> Float[Tensor, "batch grouped"]:
        """`whiten` backwards."""
        if self.stage is None or told.filters is None:
            return residual
        with torch.autocast(residual.device.type, enabled=False):
            whole = self._fill(residual, told.filters)[:, None]
            audio, _ = self.stage.flow.to_data(whole, told.filters)
        return audio[:, 0, : residual.shape[1]]

    def _fill(self, signal: Tensor, filters: FrameFilters) -> Tensor:
        """The signal with zeros for what its last hop lacks: the filter is causal, so they change nothing."""
        return F.pad(signal, (0, (filters.taps.shape[1] - 1) * self.mel_spec.hop_length - signal.shape[1]))

    def silence(self, batch: int) -> Tensor:
        """What the filter remembers before the first sample."""
        taps = self.stage.num_taps if self.stage else 1
        return torch.zeros(batch, taps - 1, device=self.device)
