"""Split: some channels leave the chain early, the rest goes on through deeper flows."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vocoder.errors import InputError
from vocoder.flows.base import Flow, sum_log_det, zero_log_det


class Split(Flow):
    """The first `num_early` channels become noise here; the others go through `rest`.

    x = [early, kept] → z = [(early − μ) · exp(−s), rest(kept)]. The learned prior p(early | kept) =
    N(μ, exp(2s)) of Glow is thus an affine map to the common base, z stays one tensor of the shape of x,
    and multi-scale models are flows like any other: `rest` may squeeze, if it undoes that at its end.
    Without a prior the early channels leave as they are (WaveGlow, Prenger et al. 2019, sec. 2.3).
    (R-NVP, Dinh et al. 2017, eq. 14; Glow, Kingma and Dhariwal 2018, fig. 2b.)

    Args:
        num_early: channels that leave, 1 … C − 1.
        rest: a flow that keeps the shape of its input.
        prior: called with (kept, context), returns [s, μ] stacked along the channels, [B, 2·num_early, ...].

    Raises:
        InputError: the input has no channel left for `rest`, or `rest` does not keep the shape.
    """

    def __init__(self, num_early: int, rest: Flow, prior: nn.Module | None = None) -> None:
        super().__init__()
        self.num_early = num_early
        self.rest = rest
        self.prior = prior

    def to_noise(
        self, x: Float[Tensor, "batch channel *position"], context: Any = None
    ) -> tuple[Float[Tensor, "batch channel *position"], Float[Tensor, " batch"]]:
        early, kept = self._divide(x)
        deep, log_det = self.rest.to_noise(kept, context)
        if self.prior is not None:
            log_scale, mean = self.prior(kept, context).chunk(2, dim=1)
            early = (early - mean) * (-log_scale).exp()
            log_det = log_det - sum_log_det(log_scale)
        return _join(early, deep, kept), log_det

    def to_data(
        self, z: Float[Tensor, "batch channel *position"], context: Any = None
    ) -> tuple[Float[Tensor, "batch channel *position"], Float[Tensor, " batch"]]:
        early, deep = self._divide(z)
        kept, log_det = self.rest.to_data(deep, context)
        if self.prior is not None:
            log_scale, mean = self.prior(kept, context).chunk(2, dim=1)
            early = early * log_scale.exp() + mean
            log_det = log_det + sum_log_det(log_scale)
        return _join(early, kept, deep), log_det

    def _divide(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if not 0 < self.num_early < x.shape[1]:
            raise InputError(
                f"Split: num_early={self.num_early} of {x.shape[1]} channels; "
                f"it must be at least 1 and leave at least one channel for the rest"
            )
        return x[:, : self.num_early], x[:, self.num_early :]


class Identity(Flow):
    """z = x: the `rest` of a split that ends the chain."""

    def to_noise(self, x: Tensor, context: Any = None) -> tuple[Tensor, Tensor]:
        return x, zero_log_det(x)

    def to_data(self, z: Tensor, context: Any = None) -> tuple[Tensor, Tensor]:
        return z, zero_log_det(z)


def _join(early: Tensor, rest: Tensor, like: Tensor) -> Tensor:
    if rest.shape != like.shape:
        raise InputError(
            f"Split: the rest maps {tuple(like.shape)} to {tuple(rest.shape)}; it must keep the shape "
            f"(end it with the Inverse of its squeeze)"
        )
    return torch.cat([early, rest], dim=1)
