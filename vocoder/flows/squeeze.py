"""Squeezing: positions become channels, so that couplings have channels to split. Volume-preserving."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from vocoder.errors import InputError
from vocoder.flows.base import Flow, zero_log_det


class SqueezeImage(Flow):
    """Space to depth: [B, C, H, W] → [B, C·f², H/f, W/f] (R-NVP, Dinh et al. 2017, sec. 3.6).

    The f² pixels of a block become neighbouring channels, row by row.

    Raises:
        InputError: height or width (towards noise), or channels (towards data), do not divide.
    """

    def __init__(self, factor: int = 2) -> None:
        super().__init__()
        self.factor = factor

    def to_noise(
        self, x: Float[Tensor, "batch channel height width"], context: Any = None
    ) -> tuple[Float[Tensor, "batch _ _ _"], Float[Tensor, " batch"]]:
        _require_multiple("height", x.shape[2], self.factor)
        _require_multiple("width", x.shape[3], self.factor)
        return F.pixel_unshuffle(x, self.factor), zero_log_det(x)

    def to_data(
        self, z: Float[Tensor, "batch channel height width"], context: Any = None
    ) -> tuple[Float[Tensor, "batch _ _ _"], Float[Tensor, " batch"]]:
        _require_multiple("channels", z.shape[1], self.factor**2)
        return F.pixel_shuffle(z, self.factor), zero_log_det(z)


class Checkerboard(Flow):
    """The two colours of a checkerboard become two halves of the channels: [B, C, H, W] → [B, 2C, H, W/2].

    A coupling that splits the channels then couples the colours (R-NVP, fig. 3; Flow++, sec. 3.2.2).

    Raises:
        InputError: width (towards noise) or channels (towards data) are odd.
    """

    def to_noise(
        self, x: Float[Tensor, "batch channel height width"], context: Any = None
    ) -> tuple[Float[Tensor, "batch _ height _"], Float[Tensor, " batch"]]:
        _require_multiple("width", x.shape[3], 2)
        return torch.cat(_exchange_in_odd_rows(*x.unflatten(3, (-1, 2)).unbind(4)), dim=1), zero_log_det(x)

    def to_data(
        self, z: Float[Tensor, "batch channel height width"], context: Any = None
    ) -> tuple[Float[Tensor, "batch _ height _"], Float[Tensor, " batch"]]:
        _require_multiple("channels", z.shape[1], 2)
        return torch.stack(_exchange_in_odd_rows(*z.chunk(2, dim=1)), dim=4).flatten(3), zero_log_det(z)


class SqueezeTime(Flow):
    """Groups of g successive samples become g channels: [B, C, T] → [B, C·g, T/g] (WaveGlow, sec. 2).

    Sample t of channel c goes to channel c·g + (t mod g) of group t div g.

    Raises:
        InputError: samples (towards noise) or channels (towards data) are not a multiple of g.
    """

    def __init__(self, group_size: int) -> None:
        super().__init__()
        self.group_size = group_size

    def to_noise(
        self, x: Float[Tensor, "batch channel sample"], context: Any = None
    ) -> tuple[Float[Tensor, "batch _ _"], Float[Tensor, " batch"]]:
        _require_multiple("samples", x.shape[2], self.group_size)
        groups = x.unflatten(2, (-1, self.group_size))  # [batch, channel, group, within]
        return groups.transpose(2, 3).flatten(1, 2), zero_log_det(x)

    def to_data(
        self, z: Float[Tensor, "batch channel group"], context: Any = None
    ) -> tuple[Float[Tensor, "batch _ _"], Float[Tensor, " batch"]]:
        _require_multiple("channels", z.shape[1], self.group_size)
        groups = z.unflatten(1, (-1, self.group_size))  # [batch, channel, within, group]
        return groups.transpose(2, 3).flatten(2), zero_log_det(z)


def _exchange_in_odd_rows(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    odd = torch.arange(first.shape[2], device=first.device)[:, None] % 2 == 1
    return torch.where(odd, second, first), torch.where(odd, first, second)


def _require_multiple(what: str, length: int, factor: int) -> None:
    if length % factor:
        raise InputError(
            f"Squeeze: {length} {what} cannot be grouped by {factor}; pad or crop to a multiple of it"
        )
