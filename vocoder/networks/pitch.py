"""Reading the fundamental frequency off a mel-spectrogram."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.networks.frame_network import FrameNetwork, FrameState
from vocoder.networks.precision import DoubleInEvaluation

CENTS_PER_OCTAVE = 1200.0


class Pitch(NamedTuple):
    """What is known of the pitch at each frame; F0 is given everywhere, voiced or not."""

    frequency: Float[Tensor, "batch frame"]  # Hz
    voicing: Float[Tensor, "batch frame"]  # logit of the probability that the frame is voiced
    logits: Float[Tensor, "batch bin frame"]


class PitchNetwork(DoubleInEvaluation):
    """Mel frames to F0, by classification over bins of `bin_cents` between `low` and `high` Hz.

    The frequency is the mean over the bins around the best one, weighted by their probabilities (as in CREPE,
    Kim et al. 2018), which resolves far less than a bin.

    F0 is integrated over the whole utterance into the phase of the pulses: hence float64 in evaluation.
    """

    low: float
    high: float

    def __init__(
        self,
        num_mels: int,
        *,
        hidden: int,
        layers: int,
        lookahead: int,
        low: float = 50.0,
        high: float = 600.0,
        bin_cents: float = 25.0,
        window: int = 4,
    ) -> None:
        super().__init__()
        num_bins = math.ceil(CENTS_PER_OCTAVE * math.log2(high / low) / bin_cents) + 1
        self.low, self.high, self.bin_cents, self.window = low, high, bin_cents, window
        self.num_bins = num_bins
        self.network = FrameNetwork(num_mels, num_bins + 1, hidden=hidden, layers=layers, lookahead=lookahead)

    def forward(self, mel: Float[Tensor, "batch mel context"]) -> Pitch:
        return self._pitch(self.network(mel.to(self.dtype)))

    def stream(self, mel: Float[Tensor, "batch mel chunk"], state: FrameState) -> tuple[Pitch, FrameState]:
        """As `FrameNetwork.stream`."""
        output, state = self.network.stream(mel.to(self.dtype), state)
        return self._pitch(output), state

    def _pitch(self, output: Tensor) -> Pitch:
        logits, voicing = output[:, :-1], output[:, -1]
        return Pitch(self.decode(logits), voicing, logits)

    def decode(self, logits: Float[Tensor, "batch bin frame"]) -> Float[Tensor, "batch frame"]:
        """Expected log-frequency over 2 `window` + 1 bins around the most probable one, in Hz."""
        bins = torch.arange(self.num_bins, device=logits.device)[:, None]
        near = (bins - logits.argmax(dim=1, keepdim=True)).abs() <= self.window
        weights = logits.masked_fill(~near, -math.inf).softmax(dim=1)
        position = (weights * bins).sum(dim=1)
        return self.low * torch.exp2(position * (self.bin_cents / CENTS_PER_OCTAVE))

    def targets(self, frequency: Float[Tensor, "batch frame"]) -> Float[Tensor, "batch bin frame"]:
        """The distribution over bins to be learned: a Gaussian of one bin's width around the true F0."""
        position = (frequency / self.low).clamp(min=1e-3).log2() * (CENTS_PER_OCTAVE / self.bin_cents)
        position = position.clamp(0, self.num_bins - 1)
        bins = torch.arange(self.num_bins, device=frequency.device)[:, None]
        return (-0.5 * (bins - position[:, None]).square()).softmax(dim=1)
