"""Noise inside the steps of 16-bit audio, so that a density has reals to model.

None leaves samples on the grid: a density there has no bound (digital silence is infinitely likely). Uniform
noise bounds the probability of the integers (Theis et al. 2016), a learned q(u | x) bounds it closer (Flow++,
Ho et al. 2019, sec. 3.1). All return samples x + u and log q(u | x), in units of a step.
"""

from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vocoder.distributions import QuantizationGrid
from vocoder.flows import Affine, Chain, Flow, Inverse, InvertibleConv, SplitCoupling, SqueezeTime
from vocoder.flows.dequantization import UniformDequantization, VariationalDequantization
from vocoder.networks.wavenet import WaveNet

Form = Literal["none", "uniform", "variational"]
PCM16 = QuantizationGrid(bits=16)
STEP = 2 * PCM16.half_width
SILENCE = 2**15  # the bin of zero
LEVEL = 0.05  # of speech, about: the networks see audio over this
GROUP, FLOWS, LAYERS, CHANNELS = 16, 2, 4, 32


class AudioDequantization(nn.Module):
    """Recordings to samples that lie somewhere in their steps, and log q of where. Variational: trained."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form
        self.noise: nn.Module | None = None
        if form == "uniform":
            self.noise = UniformDequantization()
        if form == "variational":
            self.noise = VariationalDequantization(_noise_flow())

    def forward(
        self, audio: Float[Tensor, "batch sample"], generator: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "batch sample"], Float[Tensor, "batch"]]:
        """`audio` is rounded to 16 bits first, but by "none", which leaves it as it is."""
        if self.noise is None:
            return audio, audio.new_zeros(len(audio))
        index = PCM16.index(audio)
        integers = (index - SILENCE).to(audio.dtype)  # small in quiet speech: digits left for u
        spread, log_q = self.noise(integers.unsqueeze(1), generator)
        return PCM16.centre(index) + STEP * (spread[:, 0] - integers - 0.5), log_q


class _Context(nn.Module):
    """A network told the samples themselves, beside what it is asked about."""

    def __init__(self, network: WaveNet) -> None:
        super().__init__()
        self.network, self.squeeze = network, SqueezeTime(GROUP)

    def forward(
        self, kept: Float[Tensor, "batch kept group"], context: Any
    ) -> Float[Tensor, "batch out group"]:
        return self.network(kept, self.squeeze.to_noise(context * (STEP / LEVEL))[0])


def _noise_flow() -> Flow:
    """Couplings over groups, as WaveGlow's; the direction that training runs is the cheap one."""
    steps: list[Flow] = []
    for i in range(FLOWS):
        kept = GROUP // 2
        network = WaveNet(
            kept,
            2 * (GROUP - kept),
            causal=False,
            num_layers=LAYERS,
            residual_channels=CHANNELS,
            skip_channels=CHANNELS,
            context_channels=GROUP,
        )
        coupling = SplitCoupling(_Context(network), num_kept=kept, swap=i % 2 == 1, transform=Affine(3.0))
        steps += [InvertibleConv(GROUP), coupling]
    squeeze = SqueezeTime(GROUP)
    return Inverse(Chain([squeeze, *steps, Inverse(squeeze)]))
