"""Split: some channels leave the chain early, the rest goes on through deeper flows."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vocoder.errors import InputError
from vocoder.flows.base import Chain, Flow, sum_log_det
from vocoder.flows.elementwise import Elementwise, Standardize
from vocoder.networks.conditioner import split_parameters


class Split(Flow):
    """The first `num_early` channels become noise here; the others go through `rest`.

    x = [early, kept] → z = [(early − μ) · exp(−s), rest(kept)], μ and s read from what is kept. The learned
    prior p(early | kept) = N(μ, exp(2s)) of Glow is thus a map to the common base, and z stays one tensor of
    the shape of x: a multi-scale model is a flow like any other. `rest` may squeeze, if it undoes that at its
    end. Without a prior the early channels leave as they are (WaveGlow, Prenger et al. 2019, sec. 2.3).
    (R-NVP, Dinh et al. 2017, eq. 14; Glow, Kingma and Dhariwal 2018, fig. 2b.)

    Args:
        num_early: channels that leave, 1 … C − 1.
        rest: a flow that keeps the shape of its input; the identity by default.
        prior: network called with (kept, context) that gives the parameters of every early element.
        transform: the map of an early element that these parameters define.

    Raises:
        InputError: the input has no channel left for `rest`, `rest` does not keep the shape, or the
            prior's output does not fit.
    """

    def __init__(
        self,
        num_early: int,
        rest: Flow | None = None,
        prior: nn.Module | None = None,
        transform: Elementwise | None = None,
    ) -> None:
        super().__init__()
        self.num_early = num_early
        self.rest = rest or Chain([])
        self.prior = prior
        self.transform = transform or Standardize()

    def to_noise(
        self, x: Float[Tensor, "batch channel *position"], context: Any = None
    ) -> tuple[Float[Tensor, "batch channel *position"], Float[Tensor, " batch"]]:
        early, kept = self._divide(x)
        deep, log_det = self.rest.to_noise(kept, context)
        if self.prior is not None:
            early, log_slope = self.transform.to_noise(early, self._read_prior(early, kept, context))
            log_det = log_det + sum_log_det(log_slope)
        return _join(early, deep, kept), log_det

    def to_data(
        self, z: Float[Tensor, "batch channel *position"], context: Any = None
    ) -> tuple[Float[Tensor, "batch channel *position"], Float[Tensor, " batch"]]:
        early, deep = self._divide(z)
        kept, log_det = self.rest.to_data(deep, context)
        if self.prior is not None:
            early, log_slope = self.transform.to_data(early, self._read_prior(early, kept, context))
            log_det = log_det + sum_log_det(log_slope)
        return _join(early, kept, deep), log_det

    def _read_prior(self, early: Tensor, kept: Tensor, context: Any) -> Tensor:
        assert self.prior is not None
        return split_parameters(self.prior(kept, context), self.transform.num_parameters, early)

    def _divide(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if not 0 < self.num_early < x.shape[1]:
            raise InputError(
                f"Split: num_early={self.num_early} of {x.shape[1]} channels; "
                f"it must be at least 1 and leave at least one channel for the rest"
            )
        return x[:, : self.num_early], x[:, self.num_early :]


def _join(early: Tensor, rest: Tensor, like: Tensor) -> Tensor:
    if rest.shape != like.shape:
        raise InputError(
            f"Split: the rest maps {tuple(like.shape)} to {tuple(rest.shape)}; it must keep the shape "
            f"(end it with the Inverse of its squeeze)"
        )
    return torch.cat([early, rest], dim=1)
