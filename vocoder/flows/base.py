"""The contract that every flow keeps, and the two ways of putting flows together.

A flow is an invertible map between data x and noise z. The change of variables gives the density

    log p(x) = log p(z) + log |det dz/dx|,   z = to_noise(x)

(Rezende and Mohamed 2015, eq. 5, written in the density direction).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn


class Flow(nn.Module, ABC):
    """An invertible map x <-> z whose Jacobian determinant is known.

    Must implement `to_noise` and `to_data`. Both take a batch whose first axis is the batch axis and a
    context (nothing, a vector `[B, C]`, a series `[B, C, T]`, or what the flow's conditioner reads), and
    return the mapped batch with `log_det`: shape `[B]`, in nats, of the map that was just applied,
    accumulated in float32 or wider whatever the autocast dtype. So for matching pairs
    `to_noise(x)[1] == -to_data(z)[1]`. The word "forward" is not used: papers disagree on its direction.
    """

    @abstractmethod
    def to_noise(self, x: Tensor, context: Any = None) -> tuple[Tensor, Tensor]:
        """The density direction, x -> (z, log|det dz/dx|)."""

    @abstractmethod
    def to_data(self, z: Tensor, context: Any = None) -> tuple[Tensor, Tensor]:
        """The sampling direction, z -> (x, log|det dx/dz|)."""

    def forward(self, *_: Any, **__: Any) -> None:
        raise TypeError(f"{type(self).__name__} is not called: use to_noise (density) or to_data (sampling)")


def sum_log_det(elementwise: Tensor) -> Tensor:
    """Sum log-derivatives `[B, ...]` over all but the batch axis, in float32 or wider; returns `[B]`."""
    wide = torch.promote_types(elementwise.dtype, torch.float32)
    return elementwise.flatten(1).sum(dim=1, dtype=wide) if elementwise.dim() > 1 else elementwise.to(wide)


def zero_log_det(x: Tensor) -> Tensor:
    """The log-determinant of a volume-preserving map of `x`: zeros `[B]`, float32 or wider."""
    return x.new_zeros(x.shape[0], dtype=torch.promote_types(x.dtype, torch.float32))


class Chain(Flow):
    """Flows one after the other, listed in the order from data to noise.

    `to_noise` applies them as listed, `to_data` backwards; every step gets the same context.
    """

    def __init__(self, flows: Iterable[Flow]) -> None:
        super().__init__()
        self.flows = nn.ModuleList(flows)

    def __iter__(self) -> Iterator[Flow]:
        return iter(self.flows)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self.flows)

    def to_noise(self, x: Tensor, context: Any = None) -> tuple[Tensor, Tensor]:
        log_det = zero_log_det(x)
        for flow in self:
            x, step = flow.to_noise(x, context)
            log_det = log_det + step
        return x, log_det

    def to_data(self, z: Tensor, context: Any = None) -> tuple[Tensor, Tensor]:
        log_det = zero_log_det(z)
        for flow in reversed(list(self)):
            z, step = flow.to_data(z, context)
            log_det = log_det + step
        return z, log_det


class Inverse(Flow):
    """A flow with its two directions exchanged: a MAF becomes an IAF, a synthesis filter a whitening one."""

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.flow = flow

    def to_noise(self, x: Tensor, context: Any = None) -> tuple[Tensor, Tensor]:
        return self.flow.to_data(x, context)

    def to_data(self, z: Tensor, context: Any = None) -> tuple[Tensor, Tensor]:
        return self.flow.to_noise(z, context)
