"""The envelope flow in its whitening form: a linear masked autoregressive flow whose taps come from the mel.

    r_t = sum_k a_k(t) x_{t-k},      log|det dr/dx| = sum_t log a_0(t)

Speech goes in, a residual with about the spectrum of white noise of variance 1 comes out.
"""

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from vocoder.flows.base import Inverse
from vocoder.flows.linear_filter import FrameFilters, LinearFilter
from vocoder.flows.recursion import recursive_chunk
from vocoder.mel import MelSpec
from vocoder.models.frames import FrameNetworkConfig, normalize, require_natural_log, spectral_envelope
from vocoder.networks.frame_network import FrameNetwork
from vocoder.networks.spectral_filter import WhiteningNetwork


class WhiteningConfig(FrameNetworkConfig):
    """Sizes of the envelope flow; `num_taps` and `num_cepstrum` in samples."""

    num_bands: int = Field(default=128, ge=2, description="frequencies at which the envelope is corrected")
    num_taps: int = Field(default=512, ge=2)
    num_cepstrum: int = Field(default=96, ge=2, description="detail of the envelope")


class Whitening(nn.Module):
    """Frames of a mel to the context of `flow`.

    Attributes:
        flow: audio `[B, 1, T]` to residual, given the `FrameFilters` of T / hop + 1 knots.
        left_context, right_context: frames needed on each side of the knots.
    """

    def __init__(self, config: WhiteningConfig, mel_spec: MelSpec) -> None:
        super().__init__()
        require_natural_log(mel_spec)
        self.network = WhiteningNetwork(
            spectral_envelope(mel_spec, config.num_bands),
            hidden=config.hidden,
            layers=config.layers,
            lookahead=config.lookahead,
            num_taps=config.num_taps,
            num_cepstrum=config.num_cepstrum,
        )
        self.num_taps = config.num_taps
        self.filter = LinearFilter(mel_spec.hop_length)
        self.flow = Inverse(self.filter)
        self.left_context = self.network_of_filters.left_context
        self.right_context = self.network_of_filters.right_context

    @property
    def network_of_filters(self) -> FrameNetwork:
        """What is given the normalised mel."""
        return self.network.network

    def forward(self, frames: Float[Tensor, "batch mel context"]) -> FrameFilters:
        return FrameFilters(self.network(frames, normalize(frames)))

    def respond(
        self, mel: Float[Tensor, "batch mel knot"], shape: Float[Tensor, "batch band knot"]
    ) -> tuple[Float[Tensor, "batch knot tap"]]:
        """The taps at knots, given what `network_of_filters` says there."""
        return (self.network.respond(mel, shape),)

    def context(self, taps: tuple[Tensor, ...], pulses: Tensor, past: Tensor) -> FrameFilters:
        """The context of `flow`: there are no pulses."""
        return FrameFilters(taps[0])

    def log_slope(self, filters: FrameFilters) -> Float[Tensor, "batch sample"]:
        """The logarithm of the residual's slope in each sample of the audio."""
        return self.filter.log_diagonal(filters.taps)

    def color(
        self,
        residual: Float[Tensor, "batch sample"],
        filters: FrameFilters,
        past: Float[Tensor, "batch history"],
    ) -> tuple[Float[Tensor, "batch sample"], Float[Tensor, "batch history"]]:
        """A stream's next hops of audio; `past` holds the audio of `num_taps` - 1 samples before them."""
        audio = recursive_chunk(residual, filters.taps, past, self.filter.hop_length)
        return audio, torch.cat([past, audio], dim=1)[:, audio.shape[1] :]
