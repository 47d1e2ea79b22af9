"""The student's first stage next to the data of another flow: noise through a filter, pulses through theirs.

    x_t = b_t(mel, phase) + sum_k h_k(t) e_{t-k}

The phase of the pulses is the integral of F0 as it is read off the mel; a recording drifts from that.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vocoder.flows.linear_filter import FrameFilters, LinearFilter
from vocoder.mel import MelSpec
from vocoder.models.frames import normalize, require_natural_log
from vocoder.models.source_filter import SourceConfig, linear_context, read_pitch, source_networks
from vocoder.networks.excitation import pulse_train
from vocoder.networks.frame_network import FrameNetwork
from vocoder.networks.spectral_filter import SourceFilters


class VoicedSource(nn.Module):
    """Frames of a mel to pulses and to the context of `flow`.

    Attributes:
        flow: excitation `[B, 1, T]` from audio, given the `FrameFilters` of T / hop + 1 knots, and back.
        left_context, right_context: frames needed on each side of the knots; for the pitch alone,
            those of `pitch.network`.
    """

    def __init__(self, config: SourceConfig, mel_spec: MelSpec) -> None:
        super().__init__()
        require_natural_log(mel_spec)
        self.hop_length, self.sample_rate = mel_spec.hop_length, mel_spec.sample_rate
        self.num_taps = config.num_taps
        self.pitch, self.filters = source_networks(config, mel_spec)
        self.flow = LinearFilter(mel_spec.hop_length)
        self.left_context = self.pitch.network.left_context + self.filters.network.left_context
        self.right_context = self.pitch.network.right_context + self.filters.network.right_context

    @property
    def network_of_filters(self) -> FrameNetwork:
        """What is given the normalised mel and `pitch_features`."""
        return self.filters.network

    def pitch_at_knots(
        self, frames: Float[Tensor, "batch mel context"]
    ) -> tuple[Float[Tensor, "batch knot"], Float[Tensor, "batch knot"]]:
        """F0 in Hz, and the probability of voice, given the context of `pitch.network` only."""
        with torch.autocast(frames.device.type, enabled=False):  # a period must be right to the sample
            pitch = self.pitch(normalize(frames))
        return pitch.frequency, torch.sigmoid(pitch.voicing)

    def pulses(
        self,
        f0: Float[Tensor, "batch knot"],
        phase: Float[Tensor, "batch"],
        drift: Float[Tensor, "batch knot"] | None = None,
    ) -> tuple[Float[Tensor, "batch sample"], Float[Tensor, "batch"]]:
        """The pulses between the first knot and the last, and the phase there, in cycles."""
        return pulse_train(f0, phase, self.hop_length, self.sample_rate, drift)

    def forward(
        self,
        frames: Float[Tensor, "batch mel context"],
        pulses: Float[Tensor, "batch sample"],
        past: Float[Tensor, "batch history"],
    ) -> FrameFilters:
        """The context of `flow`, given the pulses of its samples, and the `num_taps` - 1 before them."""
        with torch.autocast(frames.device.type, enabled=False):
            reading = read_pitch(self.pitch, frames)
            return self.context(self.filters(reading.mel, reading.features), pulses, past)

    def respond(
        self, mel: Float[Tensor, "batch mel knot"], shape: Float[Tensor, "batch band knot"]
    ) -> SourceFilters:
        """The filters at knots, given what `network_of_filters` says there."""
        return self.filters.respond(mel, shape)

    def context(self, filters: tuple[Tensor, ...], pulses: Tensor, past: Tensor) -> FrameFilters:
        """The context of `flow`, given the filters at the knots, and pulses as `forward` is."""
        return linear_context(SourceFilters(*filters), pulses, past, self.hop_length)

    def log_slope(self, filters: FrameFilters) -> Float[Tensor, "batch sample"]:
        """The logarithm of the excitation's slope in each sample of the audio."""
        return -self.flow.log_diagonal(filters.taps)

    def color(
        self,
        excitation: Float[Tensor, "batch sample"],
        filters: FrameFilters,
        past: Float[Tensor, "batch history"],
    ) -> tuple[Float[Tensor, "batch sample"], Float[Tensor, "batch history"]]:
        """A stream's next hops of audio; `past` holds the `num_taps` - 1 samples of excitation before."""
        return self.flow.to_data_chunk(excitation, filters, past)
