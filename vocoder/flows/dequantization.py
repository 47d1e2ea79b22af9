"""From integers to densities: noise in [0, 1) is added, and what it costs is counted.

A density p over the reals gives a discrete value x the probability P(x) = ∫ p(x + u) du, u in [0, 1)^D.
For any noise distribution q, Jensen's inequality bounds it (Flow++, Ho et al. 2019, eq. 5):

    log P(x) ≥ E_q [log p(x + u) − log q(u | x)].
"""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Normal

from vocoder.flows.base import Flow, sum_log_det, zero_log_det
from vocoder.flows.logit import Logit

Values = Float[Tensor, "batch *element"]


class Dequantization(nn.Module, ABC):
    """Draws u ~ q(u | x) and returns (x + u, log q(u | x)); x holds integers, as floats."""

    @abstractmethod
    def forward(
        self, x: Values, generator: torch.Generator | None = None
    ) -> tuple[Values, Float[Tensor, " batch"]]: ...


class UniformDequantization(Dequantization):
    """u uniform in [0, 1): log q = 0 (Theis et al. 2016)."""

    def forward(
        self, x: Values, generator: torch.Generator | None = None
    ) -> tuple[Values, Float[Tensor, " batch"]]:
        noise = torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        return _below_next(x, noise), zero_log_det(x)


class VariationalDequantization(Dequantization):
    """u = σ(v), v = noise.to_data(ε | x), ε normal: a learned q(u | x) (Flow++, sec. 3.1).

    q is trained with p, by the same bound, through the draw. `noise` reads x as its context; its sampling
    direction runs in training, so a chain whose cheap direction is `to_noise` comes wrapped in `Inverse`.
    """

    def __init__(self, noise: Flow) -> None:
        super().__init__()
        self.noise = noise
        self.unit = Logit(alpha=0.0)

    def forward(
        self, x: Values, generator: torch.Generator | None = None
    ) -> tuple[Values, Float[Tensor, " batch"]]:
        epsilon = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        real, log_det = self.noise.to_data(epsilon, x)
        noise, log_det_unit = self.unit.to_data(real)
        log_q = sum_log_det(Normal(0.0, 1.0).log_prob(epsilon)) - log_det - log_det_unit
        return _below_next(x, noise), log_q


def _below_next(x: Tensor, noise: Tensor) -> Tensor:
    """x + u below x + 1, which the sum, or the sigmoid that made u, may be rounded to."""
    return torch.minimum(x + noise, torch.nextafter(x + 1, x))
