"""Contexts: read once, by a network, for all flows of a chain."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from vocoder.flows.base import Flow


class ReadContext(Flow):
    """A flow that gets `reader(context)` in place of the context: the reader runs once for a whole chain."""

    def __init__(self, reader: nn.Module, flow: Flow) -> None:
        super().__init__()
        self.reader = reader
        self.flow = flow

    def to_noise(
        self, x: Float[Tensor, "batch *element"], context: Any = None
    ) -> tuple[Float[Tensor, "batch *_"], Float[Tensor, " batch"]]:
        return self.flow.to_noise(x, self.reader(context))

    def to_data(
        self, z: Float[Tensor, "batch *element"], context: Any = None
    ) -> tuple[Float[Tensor, "batch *_"], Float[Tensor, " batch"]]:
        return self.flow.to_data(z, self.reader(context))


class Part(nn.Module):
    """Reads one field of a context that has several, for a flow that needs no more."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, context: Any) -> Any:
        return getattr(context, self.name)
