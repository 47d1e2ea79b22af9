"""Reordering: volume-preserving steps between flows that treat elements unequally."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.errors import InputError
from vocoder.flows.base import Flow, zero_log_det

Batch = Float[Tensor, "batch channel *position"]
LogDet = Float[Tensor, " batch"]


class Permutation(Flow):
    """z[:, i] = x[:, order[i]].

        >>> import torch
        >>> from vocoder.flows import Permutation
        >>> Permutation([2, 0, 1]).to_noise(torch.tensor([[10.0, 20.0, 30.0]]))[0]
        tensor([[30., 10., 20.]])

    Raises:
        InputError: `order` does not hold every number from 0 to C - 1 once, or x has other than C channels.
    """

    order: Tensor
    inverse: Tensor

    def __init__(self, order: Sequence[int]) -> None:
        super().__init__()
        if sorted(order) != list(range(len(order))):
            raise InputError(
                f"order must hold each of 0 … {len(order) - 1} once, got {list(order)}: "
                f"take torch.randperm({len(order)}).tolist() for a random one"
            )
        self.register_buffer("order", torch.tensor(order))
        self.register_buffer("inverse", self.order.argsort())

    def to_noise(self, x: Batch, context: Any = None) -> tuple[Batch, LogDet]:
        return self._reorder(x, self.order)

    def to_data(self, z: Batch, context: Any = None) -> tuple[Batch, LogDet]:
        return self._reorder(z, self.inverse)

    def _reorder(self, x: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
        if x.shape[1] != len(order):
            raise InputError(f"the permutation is of {len(order)} channels, got {x.shape[1]}")
        return x.index_select(1, order), zero_log_det(x)


class Reverse(Flow):
    """The last comes first, along one axis: 1 for channels, -1 for time."""

    def __init__(self, axis: int = 1) -> None:
        super().__init__()
        self.axis = axis

    def to_noise(self, x: Batch, context: Any = None) -> tuple[Batch, LogDet]:
        return x.flip(self.axis), zero_log_det(x)

    def to_data(self, z: Batch, context: Any = None) -> tuple[Batch, LogDet]:
        return z.flip(self.axis), zero_log_det(z)
