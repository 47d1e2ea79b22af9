"""Logistic and Gaussian: densities, distribution functions and bin masses, safe in float32.

Parameters are locations and log-scales, computed in float32 or wider whatever the dtype that comes, and
nothing cancels or overflows in the tails. Audio of N bits has an exact probability: the mass of its bin.
"""

import math
from abc import abstractmethod

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution
from torch.nn import functional as F
from torch.types import _size

from vocoder.distributions.quantization import QuantizationGrid


class LocationScale(Distribution):
    """A symmetric density moved by `loc` and stretched by `exp(log_scale)`, which broadcast together.

    A family must implement the six functions of the standard variable; the rest is derived from them.
    """

    arg_constraints: dict = {}  # noqa: RUF012
    support = torch.distributions.constraints.real
    has_rsample = True

    def __init__(self, loc: Float[Tensor, "..."], log_scale: Float[Tensor, "..."]) -> None:
        self.loc, self.log_scale = torch.broadcast_tensors(widen(loc), widen(log_scale))
        super().__init__(self.loc.shape, validate_args=False)

    @staticmethod
    @abstractmethod
    def standard_log_prob(z: Tensor) -> Tensor:
        """Log-density at `z`."""

    @staticmethod
    @abstractmethod
    def standard_log_cdf(z: Tensor) -> Tensor:
        """Logarithm of the probability of a smaller value than `z`."""

    @staticmethod
    @abstractmethod
    def standard_icdf(probability: Tensor) -> Tensor:
        """The value below which lies `probability`."""

    @staticmethod
    @abstractmethod
    def standard_entropy() -> float:
        """Differential entropy in nats."""

    @staticmethod
    @abstractmethod
    def standard_log_mass(z: Tensor, half_width: Tensor) -> Tensor:
        """Logarithm of the probability of `[z - half_width, z + half_width]`, also for the narrowest."""

    @staticmethod
    @abstractmethod
    def standard_reach(density: Tensor) -> Tensor:
        """The largest z at which the density is `density` or more; 0 where it is so nowhere."""

    def expand(self, batch_shape: _size, _instance: Distribution | None = None) -> "LocationScale":
        return type(self)(self.loc.expand(batch_shape), self.log_scale.expand(batch_shape))

    @property
    def mean(self) -> Tensor:
        return self.loc

    def _standardize(self, x: Tensor) -> Tensor:
        return (x - self.loc) * torch.exp(-self.log_scale)

    def log_prob(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return self.standard_log_prob(self._standardize(x)) - self.log_scale

    def log_cdf(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Log-probability of a value below `x`."""
        return self.standard_log_cdf(self._standardize(x))

    def log_survival(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Log-probability of a value above `x`."""
        return self.standard_log_cdf(-self._standardize(x))

    def cdf(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return torch.exp(self.log_cdf(x))

    def icdf(self, probability: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The sample that a uniform draw in (0, 1) stands for."""
        return self.from_noise(self.standard_icdf(probability))

    def from_noise(self, noise: Float[Tensor, "..."], floor: float = 0.0) -> Float[Tensor, "..."]:
        """The sample that a draw of the family's standard variable stands for.

        Where the density is below `floor`, the nearest at which it is not; where it is so everywhere, `loc`.
        """
        scale = torch.exp(self.log_scale)
        if floor:
            furthest = self.standard_reach(floor * scale)
            noise = noise.clamp(-furthest, furthest)
        return self.loc + scale * noise

    def rsample(self, sample_shape: _size = ()) -> Float[Tensor, "..."]:
        shape = self._extended_shape(torch.Size(sample_shape))
        return self.icdf(_open_uniform(torch.rand(shape, dtype=self.loc.dtype, device=self.loc.device)))

    def entropy(self) -> Float[Tensor, "..."]:
        return self.log_scale + self.standard_entropy()

    def bin_log_prob(self, index: Int[Tensor, "..."], grid: QuantizationGrid) -> Float[Tensor, "..."]:
        """Exact log-probability of the bin `index`; the outermost bins reach to infinity."""
        inverse_scale = torch.exp(-self.log_scale)
        z = (grid.centre(index, self.loc.dtype) - self.loc) * inverse_scale
        half_width = grid.half_width * inverse_scale
        inside = self.standard_log_mass(z, half_width)
        inside = torch.where(index <= 0, self.standard_log_cdf(z + half_width), inside)
        return torch.where(index >= grid.last, self.standard_log_cdf(half_width - z), inside)


class Logistic(LocationScale):
    """The density 1 / (4 s cosh²((x - loc) / 2s)), s = exp(log_scale); its CDF is the sigmoid."""

    @staticmethod
    def standard_log_prob(z: Tensor) -> Tensor:
        return 2 * F.logsigmoid(z) - z  # log σ(z) + log σ(-z)

    @staticmethod
    def standard_log_cdf(z: Tensor) -> Tensor:
        return F.logsigmoid(z)

    @staticmethod
    def standard_icdf(probability: Tensor) -> Tensor:
        return torch.logit(probability)

    @staticmethod
    def standard_entropy() -> float:
        return 2.0

    @staticmethod
    def standard_log_mass(z: Tensor, half_width: Tensor) -> Tensor:
        # sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - exp(a - b)): three factors, no difference.
        edges = F.logsigmoid(z + half_width) + F.logsigmoid(half_width - z)
        return edges + torch.log(-torch.expm1(-2 * half_width))

    @staticmethod
    def standard_reach(density: Tensor) -> Tensor:
        product = (4 * density).clamp(max=1)  # of the probabilities of less and of more, times 4
        tail = product / (2 * (1 + torch.sqrt(1 - product)))
        return torch.log1p(-tail) - torch.log(tail)


class Gaussian(LocationScale):
    """The normal density with mean `loc` and standard deviation exp(log_scale)."""

    @staticmethod
    def standard_log_prob(z: Tensor) -> Tensor:
        return -0.5 * (z.square() + math.log(2 * math.pi))

    @staticmethod
    def standard_log_cdf(z: Tensor) -> Tensor:
        return _log_ndtr(z)

    @staticmethod
    def standard_icdf(probability: Tensor) -> Tensor:
        return torch.special.ndtri(probability)

    @staticmethod
    def standard_entropy() -> float:
        return 0.5 * math.log(2 * math.pi * math.e)

    @staticmethod
    def standard_log_mass(z: Tensor, half_width: Tensor) -> Tensor:
        """Narrow bins by Taylor series, φ(z) Σ 2h He₂ₖ(z) h²ᵏ / (2k+1)!; wide ones by their edges."""
        narrow = half_width * (1 + z.abs()) < 0.1
        h = torch.where(narrow, half_width, 0.0)
        y = torch.where(narrow, z, 0.0)
        h2, y2 = h.square(), y.square()
        series = (
            (y2 - 1) / 6
            + h2 * ((y2 - 6) * y2 + 3) / 120
            + h2.square() * (((y2 - 15) * y2 + 45) * y2 - 15) / 5040
        )
        by_series = Gaussian.standard_log_prob(z) + torch.log(2 * half_width) + torch.log1p(h2 * series)

        left = -z.abs()  # the mirror image in the left tail, where log_ndtr keeps its digits
        wide = torch.where(narrow, 1.0, half_width)
        upper, lower = _log_ndtr(left + wide), _log_ndtr(left - wide)
        return torch.where(narrow, by_series, upper + torch.log(-torch.expm1(lower - upper)))

    @staticmethod
    def standard_reach(density: Tensor) -> Tensor:
        return (-2 * torch.log(density * math.sqrt(2 * math.pi))).clamp(min=0).sqrt()


def _log_ndtr(z: Tensor) -> Tensor:
    """log Φ(z); torch's own has a gradient that cancels below z = -100 and is NaN below -1e7."""
    left, right = z.clamp(max=-1), z.clamp(min=-1)
    below = torch.log(0.5 * torch.special.erfcx(-left * math.sqrt(0.5))) - 0.5 * left.square()
    return torch.where(z < -1, below, torch.log1p(-0.5 * torch.special.erfc(right * math.sqrt(0.5))))


def widen(parameter: Tensor) -> Tensor:
    """`parameter` in float32 or wider."""
    return parameter.to(torch.promote_types(parameter.dtype, torch.float32))


def _open_uniform(uniform: Tensor) -> Tensor:
    """Draws in [0, 1) kept half a step away from the ends, where the inverse CDF is infinite."""
    margin = torch.finfo(uniform.dtype).eps / 2
    return uniform.clamp(margin, 1 - margin)
