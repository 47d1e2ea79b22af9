"""The conditioner of a flow over groups of samples: earlier groups, and a guide that is known beforehand."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from vocoder.networks.autoregressive import AutoregressiveNetwork, Step
from vocoder.networks.conditioner import split_parameters
from vocoder.networks.interpolation import interpolate_knots
from vocoder.networks.wavenet import State, WaveNet


class GroupContext(NamedTuple):
    """What the groups are told: knots to interpolate, and a guide sample by sample, say pitch pulses."""

    knots: Float[Tensor, "batch channel knot"]
    guide: Float[Tensor, "batch guide group"] | None = None


class GuidedState(NamedTuple):
    """What a stream carries from chunk to chunk."""

    last: Float[Tensor, "batch channel 1"]
    layers: State


class GuidedWaveNet(AutoregressiveNetwork):
    """Parameters of group n of `[B, C, N]` from the groups before it, and from the guide up to group n.

    Args:
        channels: C, samples a group.
        num_parameters: of each of them.
        guide_channels: of the guide; 0 for none.
        options: of the `WaveNet`.
    """

    def __init__(self, channels: int, num_parameters: int, *, guide_channels: int, **options: Any) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.network = WaveNet(channels + guide_channels, num_parameters * channels, causal=True, **options)

    def forward(
        self, x: Float[Tensor, "batch channel group"], context: Any = None
    ) -> Float[Tensor, "batch parameter group"]:
        """The context is a `GroupContext`."""
        return self.network(self._guided(F.pad(x, (1, -1)), context.guide), context.knots)

    def initial_state(self, like: Float[Tensor, "batch channel group"]) -> GuidedState:
        """Before the first group: silence."""
        return GuidedState(torch.zeros_like(like[:, :, :1]), self.network.initial_state(like))

    def stream(
        self, x: Float[Tensor, "batch channel group"], context: GroupContext, state: GuidedState
    ) -> tuple[Float[Tensor, "batch parameter group"], GuidedState]:
        """As the whole, for the next groups: a whole number of intervals between knots."""
        before = torch.cat([state.last, x], dim=2)
        seen = self._guided(before[:, :, :-1], context.guide)
        parameters, layers = self.network.stream(seen, context.knots, state.layers)
        return parameters, GuidedState(before[:, :, -1:], layers)

    def steps(self, shape: torch.Size) -> Iterator[Step]:
        return ((slice(None), n) for n in range(shape[-1]))

    def generate(
        self,
        element: Callable[[Step, Tensor], Tensor],
        like: Float[Tensor, "batch channel group"],
        context: Any = None,
    ) -> Float[Tensor, "batch channel group"]:
        """As for every autoregressive network, one group of the stream at a time."""
        step, told = self.network.context_step, context.knots
        if step > 1:
            told = interpolate_knots(told, step, offset=0.5)  # a network takes one sample's context as it is
        (last, layers), groups = self.initial_state(like), [torch.zeros_like(like[:, :, :0])]
        for n, place in enumerate(self.steps(like.shape)):
            now = slice(n, n + 1)
            guide = None if context.guide is None else context.guide[:, :, now]
            output, layers = self.network.stream(self._guided(last, guide), told[:, :, now], layers)
            parameters = split_parameters(output, self.num_parameters, last)
            last = element(place, parameters[..., 0]).unsqueeze(2)
            groups.append(last)
        return torch.cat(groups, dim=2)

    def _guided(self, before: Tensor, guide: Tensor | None) -> Tensor:
        return before if guide is None else torch.cat([before, guide], dim=1)
