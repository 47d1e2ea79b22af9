"""The planar flow: space is stretched or pressed together across one plane."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.distributions.location_scale import widen
from vocoder.errors import InputError, NotInvertible
from vocoder.flows.base import Flow
from vocoder.flows.root import attach_gradient, solve_increasing
from vocoder.networks.conditioner import check_context, zero_initialized

Vectors = Float[Tensor, "batch feature"]
LogDet = Float[Tensor, " batch"]


class Planar(Flow):
    """z = x + û h(w·x + b), log|det| = log(1 + w·û h'(w·x + b)) (Rezende and Mohamed 2015, eq. 10-12).

    The map is invertible where w·û > -1. `constrained` makes it so for every u: û = u + (m - 1 - w·u) w/|w|²
    has w·û = m - 1 with m = softplus(w·u) (their appendix A.1); otherwise û = u. The inverse needs the root a
    of a + w·û h(a) = w·z + b alone: in closed form for the leaky ReLU, bracketed by ±|w·û| for tanh.
    The paper's direction, a prior made richer, is `Inverse(Planar(...))`.

        >>> import torch
        >>> from vocoder.flows import Planar
        >>> flow = Planar(2)
        >>> z, log_det = flow.to_noise(torch.randn(8, 2))
        >>> x, minus_log_det = flow.to_data(z)

    Args:
        num_features: length of x.
        activation: h, "tanh" or "leaky_relu".
        slope: of the leaky ReLU below zero, in (0, 1].
        context_features: length of a context vector that shifts w, u and b linearly; 0 for none.
        constrained: invertible by construction.

    Raises:
        NotInvertible: w·u ≤ -1 without the constraint.
        InputError: an unknown activation, a slope outside (0, 1], a context that does not fit.
    """

    def __init__(
        self,
        num_features: int,
        *,
        activation: str = "tanh",
        slope: float = 0.2,
        context_features: int = 0,
        constrained: bool = True,
    ) -> None:
        super().__init__()
        if activation not in ("tanh", "leaky_relu"):
            raise InputError(f"activation must be 'tanh' or 'leaky_relu', got {activation!r}")
        if not 0 < slope <= 1:
            raise InputError(f"slope must be in (0, 1] so that the leaky ReLU increases, got {slope}")
        self.activation, self.slope, self.constrained = activation, slope, constrained
        self.context_features = context_features
        self.w = nn.Parameter(torch.randn(num_features) / num_features**0.5)
        self.u = nn.Parameter(torch.randn(num_features) / num_features**0.5)
        self.b = nn.Parameter(torch.zeros(1))
        if context_features:
            self.from_context = zero_initialized(nn.Linear(context_features, 2 * num_features + 1))

    def to_noise(self, x: Vectors, context: Tensor | None = None) -> tuple[Vectors, LogDet]:
        w, u, b, margin = self._read(context)
        height, derivative = self._activate((x * w).sum(1) + b)
        return x + u * height.unsqueeze(1), _log_slope(derivative, margin)

    def to_data(self, z: Vectors, context: Tensor | None = None) -> tuple[Vectors, LogDet]:
        w, u, b, margin = self._read(context)
        a = self._solve((z * w).sum(1) + b, margin - 1)
        height, derivative = self._activate(a)
        return z - u * height.unsqueeze(1), -_log_slope(derivative, margin)

    def _read(self, context: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """w, û and b, with or without a batch axis, and 1 + w·û > 0."""
        w, u, b = self.w, self.u, self.b
        if self.context_features:
            check_context(self, context, self.context_features)
            shifts = widen(self.from_context(context)).split([w.shape[0], u.shape[0], 1], dim=1)
            w, u, b = w + shifts[0], u + shifts[1], (b + shifts[2]).squeeze(1)
        inner = (w * u).sum(-1)
        if self.constrained:
            margin = F.softplus(inner)
            length = w.square().sum(-1, keepdim=True).clamp(min=torch.finfo(w.dtype).tiny)
            return w, u + (margin - 1 - inner).unsqueeze(-1) * w / length, b, margin
        if (inner <= -1).any():
            raise NotInvertible(
                f"a planar flow is invertible where w·u > -1, got w·u = {float(inner.detach().min()):.4g}: "
                f"make it with constrained=True, or turn u away from -w"
            )
        return w, u, b, 1 + inner

    def _activate(self, a: Tensor) -> tuple[Tensor, Tensor]:
        if self.activation == "tanh":
            height = torch.tanh(a)
            return height, 1 - height.square()
        return F.leaky_relu(a, self.slope), self._leaky_slope(a)

    def _leaky_slope(self, a: Tensor) -> Tensor:
        return self.slope + (1 - self.slope) * (a > 0).to(a)

    def _solve(self, target: Tensor, inner: Tensor) -> Tensor:
        """The a with a + inner · h(a) = target."""
        if self.activation == "leaky_relu":
            return target / (1 + inner * self._leaky_slope(target))

        def excess(a: Tensor) -> tuple[Tensor, Tensor]:
            height, derivative = self._activate(a)
            return a + inner.to(a) * height - target.to(a), 1 + inner.to(a) * derivative

        centre, reach = target.detach().double(), inner.detach().double().abs()
        root = solve_increasing(excess, centre - reach, centre + reach).to(target)
        return attach_gradient(root, *excess(root))


def _log_slope(derivative: Tensor, margin: Tensor) -> Tensor:
    """log(1 + w·û h'), written so that a margin 1 + w·û near zero keeps its digits."""
    return torch.log((1 - derivative) + margin * derivative)
