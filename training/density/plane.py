"""Two-dimensional sets with a known density, and so a known entropy: the floor of any model's nats."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.errors import ConfigError

Points = Float[Tensor, "batch 2"]

REACH = 5.0
"""The sets lie within [-REACH, REACH]² but for a mass that no figure shows."""


class PlaneSet(ABC):
    """A distribution of points in the plane."""

    @abstractmethod
    def sample(self, num_points: int, generator: torch.Generator) -> Points:
        """Independent points."""

    @abstractmethod
    def log_prob(self, x: Points) -> Float[Tensor, " batch"]:
        """log-density, in nats."""

    @abstractmethod
    def entropy(self) -> float:
        """Differential entropy, in nats."""


class Checkerboard(PlaneSet):
    """Uniform on the eight dark squares, of side 2, of a 4×4 board."""

    def sample(self, num_points: int, generator: torch.Generator) -> Points:
        column = torch.randint(4, (num_points,), generator=generator)
        row = 2 * torch.randint(2, (num_points,), generator=generator) + column % 2
        corner = 2.0 * torch.stack([column, row], dim=1) - 4
        return corner + 2 * torch.rand(num_points, 2, generator=generator)

    def log_prob(self, x: Points) -> Float[Tensor, " batch"]:
        inside = (x.abs() < 4).all(1) & ((x + 4).div(2).floor().sum(1) % 2 == 0)
        return torch.where(inside, -self.entropy(), -math.inf)

    def entropy(self) -> float:
        return math.log(8 * 2**2)


class NoisyCurve(PlaneSet):
    """Points c(t), t uniform in [0, 1), with Gaussian noise of deviation `spread` added.

    The density is the integral of the noise along the curve, here a sum over `num_nodes` midpoints, many to
    each deviation; the entropy a sum over a grid, whose error falls faster than any power of its spacing.
    """

    def __init__(self, curve: Callable[[Tensor], Tensor], spread: float, num_nodes: int = 1024) -> None:
        self.curve = curve
        self.spread = spread
        self.nodes = curve((torch.arange(num_nodes) + 0.5) / num_nodes)

    def sample(self, num_points: int, generator: torch.Generator) -> Points:
        on_curve = self.curve(torch.rand(num_points, generator=generator))
        return on_curve + self.spread * torch.randn(num_points, 2, generator=generator)

    def log_prob(self, x: Points) -> Float[Tensor, " batch"]:
        constant = math.log(2 * math.pi * self.spread**2 * len(self.nodes))
        chunks = [
            torch.logsumexp(-torch.cdist(part, self.nodes).square() / (2 * self.spread**2), dim=1)
            for part in x.split(4096)
        ]
        return torch.cat(chunks) - constant

    def entropy(self) -> float:
        step = self.spread / 2
        axis = torch.arange(-REACH, REACH, step)
        log_prob = self.log_prob(torch.cartesian_prod(axis, axis)).double()
        return -(log_prob.exp() * log_prob).sum().item() * step**2


def _two_moons(t: Tensor) -> Tensor:
    """Two half circles of radius 2, each reaching into the other."""
    upper = t < 0.5
    angle = math.pi * (2 * t - (~upper).float())
    sign = torch.where(upper, 1.0, -1.0)
    return sign[:, None] * torch.stack([2 * angle.cos() - 1, 2 * angle.sin() - 0.5], dim=1)


def _eight_gaussians(t: Tensor) -> Tensor:
    angle = (8 * t).floor() * (math.pi / 4)
    return 3 * torch.stack([angle.cos(), angle.sin()], dim=1)


def _spirals(t: Tensor) -> Tensor:
    """Two arms of one and a half turns, evenly filled."""
    first = t < 0.5
    angle = 3 * math.pi * (2 * t - (~first).float()).sqrt()
    radius = torch.where(first, 1.0, -1.0) * angle * (4 / (3 * math.pi))
    return radius[:, None] * torch.stack([-angle.cos(), angle.sin()], dim=1)


PLANE_SETS: dict[str, Callable[[], PlaneSet]] = {
    "two-moons": lambda: NoisyCurve(_two_moons, spread=0.2),
    "eight-gaussians": lambda: NoisyCurve(_eight_gaussians, spread=0.3),
    "checkerboard": Checkerboard,
    "spirals": lambda: NoisyCurve(_spirals, spread=0.15),
}


@cache
def plane_set(name: str) -> PlaneSet:
    """The set of that name.

    Raises:
        ConfigError: there is none; the message lists those there are.
    """
    if name not in PLANE_SETS:
        raise ConfigError(f"data {name!r} is not a set in the plane; choose {', '.join(PLANE_SETS)}")
    return PLANE_SETS[name]()
