"""Noise inside the steps of quantized audio, so that a density has reals to model.

None leaves samples on the grid: a density there has no bound (digital silence is infinitely likely). Uniform
noise bounds the probability of the integers (Theis et al. 2016), a learned q(u | x) bounds it closer (Flow++,
Ho et al. 2019, sec. 3.1). All return samples and log q of them:

    log P(x) >= E_q [log p(x + u) - log q(x + u | x)],

for "none" p(x) times the width of a step, which is neither bound. The steps are those of 16-bit PCM or of
8-bit mu-law, noisy in the companded domain and expanded after that; what a step is wide is part of q.
"""

import math
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vocoder.distributions import QuantizationGrid
from vocoder.distributions.quantization import mu_law_decode, mu_law_encode
from vocoder.flows import Affine, Chain, Flow, Inverse, InvertibleConv, SplitCoupling, SqueezeTime
from vocoder.flows.dequantization import UniformDequantization, VariationalDequantization
from vocoder.networks.wavenet import WaveNet

Form = Literal["none", "uniform", "variational"]
Levels = Literal["pcm16", "mulaw8"]
GRIDS = {"pcm16": QuantizationGrid(bits=16), "mulaw8": QuantizationGrid(bits=8)}
SPREAD = {"pcm16": 1600.0, "mulaw8": 48.0}
"""Deviation of speech in steps, about: the networks see integers over this."""
MU = 255
GROUP, FLOWS, LAYERS, CHANNELS = 16, 2, 4, 32


class AudioDequantization(nn.Module):
    """Recordings to samples that lie somewhere in their steps, and log q of where. Variational: trained."""

    def __init__(self, form: Form, levels: Levels = "pcm16") -> None:
        super().__init__()
        self.form, self.grid, self.companded = form, GRIDS[levels], levels == "mulaw8"
        self.noise: nn.Module | None = None
        if form == "uniform":
            self.noise = UniformDequantization()
        if form == "variational":
            self.noise = VariationalDequantization(_noise_flow(SPREAD[levels]))

    def forward(
        self, audio: Float[Tensor, "batch sample"], generator: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "batch sample"], Float[Tensor, "batch"]]:
        """Log q is the density of the samples returned, over full scale; `audio` is rounded to the levels
        first, but 16 bits by "none", which leaves them as they are.
        """
        step = 2 * self.grid.half_width
        if self.noise is None:
            log_q = torch.full_like(audio[:, 0], -math.log(step) * audio.shape[1])
            if not self.companded:
                return audio, log_q
            return self._expand(self.grid.centre(self._index(audio)), log_q)
        index = self._index(audio)
        integers = (index - self.grid.last // 2 - 1).to(
            audio.dtype
        )  # small in quiet speech: digits left for u
        spread, log_q = self.noise(integers.unsqueeze(1), generator)
        inside = self.grid.centre(index) + step * (spread[:, 0] - integers - 0.5)
        return self._expand(inside, log_q - math.log(step) * audio.shape[1])

    def _index(self, audio: Tensor) -> Tensor:
        return self.grid.index(mu_law_encode(audio.clamp(-1, 1)) if self.companded else audio)

    def _expand(self, levels: Tensor, log_q: Tensor) -> tuple[Tensor, Tensor]:
        if not self.companded:
            return levels, log_q
        slope = math.log1p(MU) / MU * torch.exp(levels.abs() * math.log1p(MU))  # of the expansion
        return mu_law_decode(levels, MU), log_q - slope.log().sum(dim=1)


class _Context(nn.Module):
    """A network told the samples themselves, beside what it is asked about."""

    def __init__(self, network: WaveNet, spread: float) -> None:
        super().__init__()
        self.network, self.spread, self.squeeze = network, spread, SqueezeTime(GROUP)

    def forward(
        self, kept: Float[Tensor, "batch kept group"], context: Any
    ) -> Float[Tensor, "batch out group"]:
        return self.network(kept, self.squeeze.to_noise(context / self.spread)[0])


def _noise_flow(spread: float) -> Flow:
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
        coupling = SplitCoupling(
            _Context(network, spread), num_kept=kept, swap=i % 2 == 1, transform=Affine(3.0)
        )
        steps += [InvertibleConv(GROUP), coupling]
    squeeze = SqueezeTime(GROUP)
    return Inverse(Chain([squeeze, *steps, Inverse(squeeze)]))
