"""What is computed from weights once, and again when they have changed."""

from collections.abc import Callable
from typing import Generic, TypeVar

from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)
T = TypeVar("T")


class OfWeights(Generic[M, T]):
    """`make(module)`, kept until a weight of the module changes."""

    def __init__(self, make: Callable[[M], T]) -> None:
        self._make = make
        self._kept: tuple[list[tuple[int, int]], T] | None = None

    def __call__(self, module: M) -> T:
        weights = [
            (weight.data_ptr(), _version(weight))
            for part in _parts(module)
            for weight in part._parameters.values()  # `parameters` takes eight times as long
            if weight is not None
        ]
        kept = self._kept
        if kept is None or kept[0] != weights:
            self._kept = kept = weights, self._make(module)
        return kept[1]


def _parts(module: nn.Module) -> list[nn.Module]:
    """The module and all below it; `modules` takes three times as long."""
    parts = [module]
    for part in parts:
        parts.extend(child for child in part._modules.values() if child is not None)
    return parts


def _version(weight: Tensor) -> int:
    """How often it was written to; one made in inference mode does not count that, and is not written to."""
    return 0 if weight.is_inference() else weight._version
