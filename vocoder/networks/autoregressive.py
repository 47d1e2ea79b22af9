"""Autoregressive networks: the parameters of every element from the elements before it, in one pass."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vocoder.errors import InputError
from vocoder.networks.conditioner import split_parameters
from vocoder.networks.interpolation import interpolate_knots

Step = tuple[int | slice, ...]
"""Where in one x the elements lie that a step makes known, as an index without the batch axis."""


class AutoregressiveNetwork(nn.Module, ABC):
    """A network whose output at an element depends on the elements of earlier steps alone.

    Must implement `forward`, x `[B, C, ...]` → parameters `[B, P·C, ...]` (parameter by parameter), and
    `steps`, the order. `generate` runs the network once a step; a network that can carry what it knows from
    step to step overrides it.
    """

    num_parameters: int

    @abstractmethod
    def forward(self, x: Tensor, context: Any = None) -> Tensor: ...

    @abstractmethod
    def steps(self, shape: torch.Size) -> Iterator[Step]:
        """The order in which the elements of a batch of this shape become known."""

    def generate(
        self, element: Callable[[Step, Tensor], Tensor], like: Float[Tensor, "batch ..."], context: Any = None
    ) -> Float[Tensor, "batch ..."]:
        """An x of the shape and dtype of `like`, each step's elements made from their parameters in turn.

        `element` is called with the step and the parameters there, `[B, P, ...]`, and returns the elements
        `[B, ...]`. Gradients flow through all that it returned before.
        """
        x = torch.zeros_like(like)
        for step in self.steps(like.shape):
            parameters = split_parameters(self(x, context), self.num_parameters, x)
            value = element(step, parameters[:, :, *step])
            x = x.clone()
            x[:, *step] = value
        return x


@runtime_checkable
class StreamingNetwork(Protocol):
    """A network of sequences `[B, C, T]` that, if causal, can be run chunk by chunk, state in and out."""

    causal: bool

    def __call__(self, x: Tensor, context: Any = None) -> Tensor: ...

    def initial_state(self, like: Tensor) -> Any: ...

    def stream(self, x: Tensor, context: Any, state: Any) -> tuple[Tensor, Any]: ...


class Delayed(AutoregressiveNetwork):
    """A causal network of sequences, shown everything one sample late.

    Its output at t, which knew x up to t, then knows x up to t - 1; the channels of a sample are one step.
    The context stays in time with the output.

    Raises:
        InputError: the network is not causal.
    """

    def __init__(self, network: StreamingNetwork, num_parameters: int) -> None:
        super().__init__()
        if not network.causal:
            raise InputError(
                "an autoregressive network of sequences must be causal: make it with causal=True"
            )
        self.network = network
        self.num_parameters = num_parameters

    def forward(
        self, x: Float[Tensor, "batch channel time"], context: Any = None
    ) -> Float[Tensor, "batch parameter time"]:
        return self.network(nn.functional.pad(x, (1, -1)), context)

    def steps(self, shape: torch.Size) -> Iterator[Step]:
        return ((slice(None), t) for t in range(shape[-1]))

    def generate(
        self,
        element: Callable[[Step, Tensor], Tensor],
        like: Float[Tensor, "batch channel time"],
        context: Any = None,
    ) -> Float[Tensor, "batch channel time"]:
        """As for every autoregressive network, one sample of the stream at a time."""
        if (step := getattr(self.network, "context_step", 1)) > 1:
            context = interpolate_knots(
                context, step, offset=0.5
            )  # what one sample is told is taken as it is
        state = self.network.initial_state(like)
        x = [torch.zeros_like(like[:, :, :1])]
        for t, place in enumerate(self.steps(like.shape)):
            now = context[:, :, t : t + 1] if context is not None and context.dim() == 3 else context
            output, state = self.network.stream(x[-1], now, state)
            parameters = split_parameters(output, self.num_parameters, x[-1])
            x.append(element(place, parameters[..., 0]).unsqueeze(2))
        return torch.cat(x[1:], dim=2)
