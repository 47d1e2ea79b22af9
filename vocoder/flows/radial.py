"""The radial flow: space is stretched or pressed together around one point."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.distributions.location_scale import widen
from vocoder.errors import NotInvertible
from vocoder.flows.base import Flow
from vocoder.networks.conditioner import check_context, zero_initialized

Vectors = Float[Tensor, "batch feature"]
LogDet = Float[Tensor, " batch"]


class Radial(Flow):
    """z = x + β (x - x₀) / (α + r), r = |x - x₀|, α = exp(log_alpha) (Rezende and Mohamed 2015, eq. 13-14).

    With m = α + β the radius becomes R = r (r + m) / (α + r), so the map is invertible where m > 0, and r is
    the positive root of r² + (m - R) r - αR = 0. `constrained` takes m = softplus(beta) (their appendix A.2);
    otherwise β = beta. All formulas are written in m, so that nothing cancels. The paper's direction, a prior
    made richer, is `Inverse(Radial(...))`.

        >>> import torch
        >>> from vocoder.flows import Radial
        >>> z, log_det = Radial(2).to_noise(torch.randn(8, 2))

    Args:
        num_features: length of x.
        context_features: length of a context vector that shifts x₀, log_alpha and beta linearly; 0 for none.
        constrained: invertible by construction.

    Raises:
        NotInvertible: β ≤ -α without the constraint.
        InputError: a context that does not fit.
    """

    def __init__(self, num_features: int, *, context_features: int = 0, constrained: bool = True) -> None:
        super().__init__()
        self.constrained = constrained
        self.context_features = context_features
        self.centre = nn.Parameter(torch.randn(num_features))
        self.log_alpha = nn.Parameter(torch.zeros(1))
        self.beta = nn.Parameter(torch.randn(1))
        if context_features:
            self.from_context = zero_initialized(nn.Linear(context_features, num_features + 2))

    def to_noise(self, x: Vectors, context: Tensor | None = None) -> tuple[Vectors, LogDet]:
        centre, alpha, margin = self._read(context)
        arm = x - centre
        radius = torch.linalg.vector_norm(arm, dim=1, keepdim=True)
        z = centre + arm * ((radius + margin) / (alpha + radius))
        return z, _log_det(radius, alpha, margin, x.shape[1])

    def to_data(self, z: Vectors, context: Tensor | None = None) -> tuple[Vectors, LogDet]:
        centre, alpha, margin = self._read(context)
        arm = z - centre
        mapped = torch.linalg.vector_norm(arm, dim=1, keepdim=True)
        half = ((mapped - margin).abs() + ((mapped - margin).square() + 4 * alpha * mapped).sqrt()) / 2
        radius = torch.where(mapped >= margin, half, alpha * mapped / half)
        x = centre + arm * ((alpha + radius) / (radius + margin))
        return x, -_log_det(radius, alpha, margin, z.shape[1])

    def _read(self, context: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """x₀, α and m = α + β, with or without a batch axis."""
        centre, log_alpha, beta = self.centre, self.log_alpha, self.beta
        if self.context_features:
            check_context(self, context, self.context_features)
            shifts = widen(self.from_context(context)).split([centre.shape[0], 1, 1], dim=1)
            centre, log_alpha, beta = centre + shifts[0], log_alpha + shifts[1], beta + shifts[2]
        alpha = log_alpha.exp()
        margin = F.softplus(beta) if self.constrained else alpha + beta
        if not self.constrained and (margin <= 0).any():
            raise NotInvertible(
                f"a radial flow is invertible where beta > -alpha, got beta + alpha = "
                f"{float(margin.detach().min()):.4g}: make it with constrained=True, or raise beta"
            )
        return centre, alpha, margin


def _log_det(radius: Tensor, alpha: Tensor, margin: Tensor, num_features: int) -> Tensor:
    """(D - 1) log(R / r) + log(dR / dr)."""
    tangential = torch.log((radius + margin) / (alpha + radius))
    radial = torch.log((radius.square() + 2 * alpha * radius + alpha * margin) / (alpha + radius).square())
    return ((num_features - 1) * tangential + radial).squeeze(1)
