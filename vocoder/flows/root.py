"""Numerical inverses: the root of an increasing function, elementwise, and its gradient."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Elements = Float[Tensor, "*shape"]


@torch.no_grad()
def solve_increasing(
    function: Callable[[Tensor], tuple[Tensor, Tensor]],
    low: Elements,
    high: Elements,
    *,
    max_steps: int = 200,
) -> Elements:
    """The x in [low, high] with f(x) = 0, by Newton's method kept safe by bisection.

    A Newton step is taken where it stays inside the bracket and is at most half as long as the step before
    last; elsewhere the bracket is halved. So it ends whatever the function, and near the root converges
    quadratically (Press et al., Numerical Recipes, sec. 9.4). An element comes to rest after a Newton step
    whose successor would be lost in rounding, or when its bracket cannot be halved any more.

    `function` maps x to (f(x), f'(x)), elementwise and increasing, with f(low) ≤ 0 ≤ f(high); `max_steps`
    is a bound that no well-behaved function meets.
    """
    x = (low + high) / 2
    before_last = last = high - low
    moving = torch.ones_like(x, dtype=torch.bool)
    eps = torch.finfo(x.dtype).eps
    for _ in range(max_steps):
        value, slope = function(x)
        low, high = torch.where(value <= 0, x, low), torch.where(value >= 0, x, high)
        newton = x - value / slope
        safe = (newton >= low) & (newton <= high) & (2 * (newton - x).abs() <= before_last)
        following = torch.where(safe, newton, (low + high) / 2)
        before_last, last = last, (following - x).abs()
        x = torch.where(moving, following, x)
        moving &= last > torch.where(safe, eps**0.75, 4 * eps) * (1 + x.abs())
        if not moving.any():
            break
    return x


def attach_gradient(root: Elements, value: Elements, slope: Elements) -> Elements:
    """The root, with the gradient of the implicit function theorem: dx/dθ = −(∂f/∂θ) / f'(x).

    `value` and `slope` are f and f' at the root, computed with gradients to θ; the root comes without. Where
    the slope is lost in rounding, the gradient is as large as numbers are, and the root stays what it is.
    """
    return root - (value - value.detach()) / slope.detach().clamp(min=torch.finfo(slope.dtype).tiny)
