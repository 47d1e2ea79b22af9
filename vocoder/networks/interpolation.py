"""From the rate of frames to a higher one, linearly."""

import torch
from jaxtyping import Float
from torch import Tensor


def interpolate_knots(
    knots: Float[Tensor, "*batch knot"], steps: int, *, offset: float = 0.0
) -> Float[Tensor, "*batch step"]:
    """Values at `steps` points in each interval between neighbouring knots, linear in between.

    Point i of an interval lies at (i + `offset`) / `steps` of its length: 0 begins on the knot, ½ gives the
    middles of equal parts. F + 1 knots give F · `steps` values.
    """
    ramp = (torch.arange(steps, dtype=knots.dtype, device=knots.device) + offset) / steps
    left, right = knots[..., :-1, None], knots[..., 1:, None]
    return (left + (right - left) * ramp).flatten(-2)


def interpolate_rows(
    knots: Float[Tensor, "batch knot channel"], steps: int
) -> Float[Tensor, "batch step channel"]:
    """`interpolate_knots` to the middles of equal parts, where time comes before channels."""
    ramp = (torch.arange(steps, dtype=knots.dtype, device=knots.device) + 0.5) / steps
    left, right = knots[:, :-1, None], knots[:, 1:, None]
    return torch.addcmul(left, right - left, ramp[:, None]).flatten(1, 2)
