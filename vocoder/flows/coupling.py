"""Coupling: one part of x stays and conditions the map of the other; both directions are one pass.

The conditioner is any network called as `network(kept, context)` that gives the parameters of every moved
element, `[B, P·C, ...]` parameter by parameter: an MLP for vectors, a convolution for images, a WaveNet
for sequences. The map of an element is `Affine` (R-NVP, Glow, WaveGlow), `Additive` (NICE) or `MixtureCDF`
(Flow++).
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from vocoder.errors import InputError
from vocoder.flows.base import Flow, sum_log_det
from vocoder.flows.elementwise import Affine, Elementwise
from vocoder.networks.conditioner import split_parameters

Batch = Float[Tensor, "batch channel *position"]
LogDet = Float[Tensor, " batch"]
Direction = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class SplitCoupling(Flow):
    """The first channels stay, the others are moved given them; with `swap` the last stay.

        >>> import torch
        >>> from vocoder.flows import SplitCoupling
        >>> from vocoder.networks.mlp import MLP
        >>> flow = SplitCoupling(MLP(2, 2 * 3))  # of 5 channels 2 stay; 2 parameters for each of the 3 others
        >>> z, log_det = flow.to_noise(torch.randn(8, 5))

    (R-NVP, Dinh et al. 2017, eq. 7-8; WaveGlow, Prenger et al. 2019, sec. 2.1.)

    Args:
        conditioner: network of the channels that stay.
        num_kept: how many stay; half of them (rounded down) by default.
        swap: keep the last instead of the first.
        transform: the map of each moved element.

    Raises:
        InputError: no channel is left to move or to keep, or the conditioner's output does not fit.
    """

    def __init__(
        self,
        conditioner: nn.Module,
        *,
        num_kept: int | None = None,
        swap: bool = False,
        transform: Elementwise | None = None,
    ) -> None:
        super().__init__()
        self.conditioner = conditioner
        self.num_kept = num_kept
        self.swap = swap
        self.transform = transform or Affine()

    def to_noise(self, x: Batch, context: Any = None) -> tuple[Batch, LogDet]:
        z, log_slopes = self.to_noise_by_element(x, context)
        return z, sum_log_det(log_slopes)

    def to_data(self, z: Batch, context: Any = None) -> tuple[Batch, LogDet]:
        x, log_slopes = self._couple(z, context, self.transform.to_data)
        return x, sum_log_det(log_slopes)

    def to_noise_by_element(
        self, x: Batch, context: Any = None
    ) -> tuple[Batch, Float[Tensor, "batch moved *position"]]:
        """As `to_noise`, with the log-derivative of each element that is moved in place of their sum."""
        return self._couple(x, context, self.transform.to_noise)

    def _couple(self, x: Tensor, context: Any, direction: Direction) -> tuple[Tensor, Tensor]:
        num_kept = x.shape[1] // 2 if self.num_kept is None else self.num_kept
        if not 0 < num_kept < x.shape[1]:
            raise InputError(
                f"a coupling keeps some channels and moves others, got {num_kept} to keep of {x.shape[1]}: "
                f"give at least two channels and keep fewer than all"
            )
        if self.swap:
            moved, kept = x.split([x.shape[1] - num_kept, num_kept], dim=1)
        else:
            kept, moved = x.split([num_kept, x.shape[1] - num_kept], dim=1)
        parameters = split_parameters(self.conditioner(kept, context), self.transform.num_parameters, moved)
        moved, log_slopes = direction(moved, parameters)
        return torch.cat([moved, kept] if self.swap else [kept, moved], dim=1), log_slopes


class MaskedCoupling(Flow):
    """Elements where `mask` is true stay, the others are moved given them (R-NVP, eq. 9).

        >>> import torch
        >>> from vocoder.flows import MaskedCoupling, checkerboard_mask
        >>> from vocoder.networks.convnet import ConvNet
        >>> flow = MaskedCoupling(ConvNet(3, 2 * 3), checkerboard_mask(8, 8))
        >>> z, log_det = flow.to_noise(torch.randn(2, 3, 8, 8))

    Args:
        conditioner: network of the masked x (zero where it moves), with the shape of x.
        mask: of the shape of one x, or of its last axes; see `checkerboard_mask`.
        transform: the map of each moved element.

    Raises:
        InputError: the conditioner's output does not fit.
    """

    mask: Tensor

    def __init__(
        self, conditioner: nn.Module, mask: Bool[Tensor, "..."], *, transform: Elementwise | None = None
    ) -> None:
        super().__init__()
        self.conditioner = conditioner
        self.transform = transform or Affine()
        self.register_buffer("mask", mask)

    def to_noise(self, x: Batch, context: Any = None) -> tuple[Batch, LogDet]:
        return self._couple(x, context, self.transform.to_noise)

    def to_data(self, z: Batch, context: Any = None) -> tuple[Batch, LogDet]:
        return self._couple(z, context, self.transform.to_data)

    def _couple(self, x: Tensor, context: Any, direction: Direction) -> tuple[Tensor, Tensor]:
        output = self.conditioner(torch.where(self.mask, x, 0.0), context)
        parameters = split_parameters(output, self.transform.num_parameters, x)
        parameters = torch.where(self.mask, 0.0, parameters)  # or those that nobody reads might overflow
        moved, log_derivative = direction(x, parameters)
        log_derivative = torch.where(self.mask, 0.0, log_derivative)
        return torch.where(self.mask, x, moved), sum_log_det(log_derivative)


def checkerboard_mask(*shape: int, keep_odd: bool = True) -> Bool[Tensor, "..."]:
    """True where the coordinates add up to an odd (or even) number: a checkerboard, in any number of axes."""
    coordinates = torch.meshgrid(*[torch.arange(size) for size in shape], indexing="ij")
    return sum(coordinates, torch.zeros(shape, dtype=torch.long)) % 2 == int(keep_odd)
