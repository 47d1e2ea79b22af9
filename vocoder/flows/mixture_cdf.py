"""The elementwise map of Flow++: through the distribution function of a mixture of logistics."""

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.distributions import Logistic, Mixture
from vocoder.distributions.location_scale import widen
from vocoder.flows.root import attach_gradient, solve_increasing

MIN_LOG_SCALE = -7.0

Elements = Float[Tensor, "batch *element"]


class MixtureCDF:
    """z = logit(F(x; π, μ, s)) · exp(a) + b, F the CDF of a mixture of K logistics (Flow++).

    The parameters of an element are K logits, K means, K log-scales (at least −7), a and b, along axis 1:
    `[B, 3K + 2, *element]`. All is computed in logarithms, so that the tails keep their digits.

    The means are measured from K anchors, evenly over ±`spread`: a conditioner that starts at zero would
    otherwise start with K equal components, which have equal gradients and stay equal for ever.

    The inverse is a root, found in float64 and bracketed by the components: F lies between the smallest and
    the largest of their CDFs, so logit F(x) = t has its root between the smallest and the largest μ + s·t.
    Its gradient is that of the implicit function theorem.

    Ho et al. 2019, "Flow++: Improving Flow-Based Generative Models with Variational Dequantization and
    Architecture Design", sec. 3.2.1.
    """

    def __init__(self, num_components: int = 8, *, spread: float = 2.0) -> None:
        self.num_components = num_components
        self.num_parameters = 3 * num_components + 2
        self.anchors = spread * ((2 * torch.arange(num_components) + 1) / num_components - 1)

    def to_noise(
        self, x: Elements, parameters: Float[Tensor, "batch parameter *element"]
    ) -> tuple[Elements, Elements]:
        mixture, log_scale, shift = self._read(parameters)
        value, log_slope = _logit_cdf(mixture, x)
        return value * log_scale.exp() + shift, log_slope + log_scale

    def to_data(
        self, z: Elements, parameters: Float[Tensor, "batch parameter *element"]
    ) -> tuple[Elements, Elements]:
        mixture, log_scale, shift = self._read(parameters)
        target = (z - shift) * (-log_scale).exp()
        root = self._solve(target.detach().double(), parameters.detach().double()).to(target.dtype)
        value, log_slope = _logit_cdf(mixture, root)
        if not (value - target).requires_grad:
            return root, -(log_slope + log_scale)
        x = attach_gradient(root, value - target, log_slope.exp())
        _, log_slope = _logit_cdf(mixture, x)
        return x, -(log_slope + log_scale)

    def _solve(self, target: Tensor, parameters: Tensor) -> Tensor:
        mixture, _, _ = self._read(parameters)

        def excess(x: Tensor) -> tuple[Tensor, Tensor]:
            value, log_slope = _logit_cdf(mixture, x)
            return value - target, log_slope.exp()

        inverses = mixture.components.from_noise(target.unsqueeze(1))
        return solve_increasing(excess, inverses.amin(1), inverses.amax(1))

    def _read(self, parameters: Tensor) -> tuple[Mixture, Tensor, Tensor]:
        parameters = widen(parameters)
        logits, means, log_scales = parameters[:, :-2].chunk(3, dim=1)
        anchors = self.anchors.to(means).view(-1, *[1] * (means.dim() - 2))
        components = Logistic(means + anchors, log_scales.clamp(min=MIN_LOG_SCALE))
        return Mixture(logits, components), parameters[:, -2], parameters[:, -1]


def _logit_cdf(mixture: Mixture, x: Tensor) -> tuple[Tensor, Tensor]:
    """logit F and the logarithm of its derivative F' / (F (1 − F))."""
    terms = mixture.cdf_terms(x)
    return terms.log_cdf - terms.log_survival, terms.log_prob - terms.log_cdf - terms.log_survival
