"""Mixtures of logistics or Gaussians, with what the mixture-CDF coupling needs of their tails."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution
from torch.types import _size

from vocoder.distributions.location_scale import LocationScale, widen
from vocoder.distributions.quantization import QuantizationGrid
from vocoder.errors import InputError


class CdfTerms(NamedTuple):
    """What the mixture-CDF coupling needs of one point, in logarithms."""

    log_prob: Tensor
    log_cdf: Tensor
    log_survival: Tensor


class Mixture(Distribution):
    """Σ softmax(logits)ₖ componentₖ, components along axis 1: `[B, K, ...]` gives a density of `[B, ...]`."""

    arg_constraints: dict = {}  # noqa: RUF012
    support = torch.distributions.constraints.real

    def __init__(self, logits: Float[Tensor, "batch component ..."], components: LocationScale) -> None:
        if logits.shape != components.batch_shape:
            raise InputError(
                f"logits and components must both be [batch, component, ...], got {list(logits.shape)} "
                f"and {list(components.batch_shape)}: give each component one logit"
            )
        self.logits, self.components = widen(logits), components
        self.log_weights = torch.log_softmax(self.logits, dim=1)
        super().__init__(logits.shape[:1] + logits.shape[2:], validate_args=False)

    @classmethod
    def from_parameters(
        cls,
        parameters: Float[Tensor, "batch parameter ..."],
        family: Callable[[Tensor, Tensor], LocationScale],
        min_log_scale: float = -math.inf,
    ) -> "Mixture":
        """From `[B, 3K, ...]`: K logits, K locations, K log-scales (clamped at the floor) on axis 1."""
        if parameters.shape[1] % 3:
            raise InputError(
                f"parameters need 3 channels a component, got {parameters.shape[1]}: give a multiple of 3"
            )
        logits, loc, log_scale = parameters.chunk(3, dim=1)
        return cls(logits, family(loc, log_scale.clamp(min=min_log_scale)))

    def _mix(self, log_terms: Tensor) -> Tensor:
        return torch.logsumexp(self.log_weights + log_terms, dim=1)

    @property
    def mean(self) -> Tensor:
        return (self.log_weights.exp() * self.components.mean).sum(dim=1)

    def log_prob(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return self._mix(self.components.log_prob(x.unsqueeze(1)))

    def log_cdf(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Log-probability of a value below `x`."""
        return self._mix(self.components.log_cdf(x.unsqueeze(1)))

    def log_survival(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Log-probability of a value above `x`."""
        return self._mix(self.components.log_survival(x.unsqueeze(1)))

    def cdf(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return torch.exp(self.log_cdf(x))

    def cdf_terms(self, x: Float[Tensor, "..."]) -> CdfTerms:
        """log F', log F and log(1 - F) at `x` in one go; the derivative of logit F is F' / (F (1 - F))."""
        family, z = self.components, self.components._standardize(x.unsqueeze(1))
        return CdfTerms(
            self._mix(family.standard_log_prob(z) - family.log_scale),
            self._mix(family.standard_log_cdf(z)),
            self._mix(family.standard_log_cdf(-z)),
        )

    def bin_log_prob(self, index: Int[Tensor, "..."], grid: QuantizationGrid) -> Float[Tensor, "..."]:
        """Exact log-probability of the bin `index`; the outermost bins reach to infinity."""
        return self._mix(self.components.bin_log_prob(index.unsqueeze(1), grid))

    def choose(self, uniform: Float[Tensor, "..."]) -> Int[Tensor, "..."]:
        """The component that a uniform draw in (0, 1) stands for; the weights are summed in float64."""
        below = torch.softmax(self.logits.double(), dim=1).cumsum(dim=1) < uniform.unsqueeze(1)
        return below.sum(dim=1).clamp(max=self.logits.shape[1] - 1)

    def component(self, index: Int[Tensor, "..."]) -> LocationScale:
        """The distribution of each element given its component."""
        index = index.unsqueeze(1)
        loc, log_scale = self.components.loc.gather(1, index), self.components.log_scale.gather(1, index)
        return type(self.components)(loc.squeeze(1), log_scale.squeeze(1))

    def from_noise(
        self, uniform: Float[Tensor, "..."], noise: Float[Tensor, "..."], floor: float = 0.0
    ) -> Float[Tensor, "..."]:
        """The sample that a uniform draw (of the component) and a draw of the standard variable stand for.

        `floor`: of the density of the component; see `LocationScale.from_noise`.
        """
        return self.component(self.choose(uniform)).from_noise(noise, floor)

    @torch.no_grad()
    def sample(self, sample_shape: _size = ()) -> Float[Tensor, "..."]:
        repeats = (math.prod(sample_shape), *[1] * (self.logits.dim() - 1))
        loc, log_scale = self.components.loc.repeat(repeats), self.components.log_scale.repeat(repeats)
        drawn = Mixture(self.logits.repeat(repeats), type(self.components)(loc, log_scale))
        uniform = torch.rand(drawn.batch_shape, dtype=torch.float64, device=loc.device)
        sample = drawn.component(drawn.choose(uniform)).sample()
        return sample.view(self._extended_shape(torch.Size(sample_shape)))
