"""From the rate of frames to a higher one, linearly."""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor


def ramp(
    steps: int, dtype: torch.dtype, device: torch.device, *, offset: float = 0.0
) -> Float[Tensor, "steps"]:
    """(i + `offset`) / `steps`, to be read only: a CPU keeps it, as making it takes longer than its use."""
    make = _kept_ramp if device.type == "cpu" else _ramp
    return make(steps, dtype, device, offset)


def _ramp(steps: int, dtype: torch.dtype, device: torch.device, offset: float) -> Float[Tensor, "steps"]:
    with torch.inference_mode(False):  # what is kept may meet gradients later
        return (torch.arange(steps, dtype=dtype, device=device) + offset) / steps


_kept_ramp = lru_cache(maxsize=64)(_ramp)


def interpolate_knots(
    knots: Float[Tensor, "*batch knot"], steps: int, *, offset: float = 0.0
) -> Float[Tensor, "*batch step"]:
    """Values at `steps` points in each interval between neighbouring knots, linear in between.

    Point i of an interval lies at (i + `offset`) / `steps` of its length: 0 begins on the knot, ½ gives the
    middles of equal parts. F + 1 knots give F · `steps` values.
    """
    place = ramp(steps, knots.dtype, knots.device, offset=offset)
    left, right = knots[..., :-1, None], knots[..., 1:, None]
    return (left + (right - left) * place).flatten(-2)


def interpolate_rows(
    knots: Float[Tensor, "batch knot channel"], steps: int
) -> Float[Tensor, "batch step channel"]:
    """`interpolate_knots` to the middles of equal parts, where time comes before channels."""
    place = ramp(steps, knots.dtype, knots.device, offset=0.5)
    left, right = knots[:, :-1, None], knots[:, 1:, None]
    return torch.addcmul(left, right - left, place[:, None]).flatten(1, 2)
