"""All flows, one line each: the laws in test_laws.py hold for every one of them.

A new flow is a new `FlowCase` in `FLOW_CASES`: its name, a function from the shape of one x to the flow, the
shapes to draw, and where they differ from the defaults its context, its autoregressive order and its
tolerance. Parameters are moved away from their initial values before a law is checked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from vocoder.flows import Flow
from vocoder.flows.coupling import MaskedCoupling, SplitCoupling, checkerboard_mask
from vocoder.flows.elementwise import Additive, Affine
from vocoder.networks.mlp import MLP

CONTEXT_CHANNELS = 3
Shape = tuple[int, ...]


def no_context(batch: int, shape: Shape) -> None:
    return None


def vector_context(batch: int, shape: Shape) -> Tensor:
    return torch.randn(batch, CONTEXT_CHANNELS)


def series_context(batch: int, shape: Shape) -> Tensor:
    return torch.randn(batch, CONTEXT_CHANNELS, shape[-1])


def vectors(smallest: int = 2, largest: int = 6) -> st.SearchStrategy[Shape]:
    return st.tuples(st.integers(smallest, largest))


def sequences(channels: st.SearchStrategy[int], longest: int = 9) -> st.SearchStrategy[Shape]:
    return st.tuples(channels, st.integers(1, longest))


def images(channels: st.SearchStrategy[int], largest: int = 4) -> st.SearchStrategy[Shape]:
    return st.tuples(channels, st.integers(2, largest), st.integers(2, largest))


def time_order(flow: Flow, shape: Shape) -> Tensor:
    """The last axis is time; all channels of a time step come together."""
    return torch.arange(shape[-1]).expand(shape)


@dataclass(frozen=True)
class FlowCase:
    """One flow under the laws.

    `make` maps the shape of one x (without batch) to a flow; `context` makes the context of a batch; `order`
    gives each element of x its place in the autoregressive order (equal places: computed together);
    `tolerance` is that of the float32 inverse, absolute and relative; `spread` the size of the random
    change of the parameters.
    """

    name: str
    make: Callable[[Shape], Flow]
    shapes: st.SearchStrategy[Shape]
    context: Callable[[int, Shape], Any] = no_context
    order: Callable[[Flow, Shape], Tensor] | None = None
    tolerance: float = 1e-4
    spread: float = 0.4


def split_mlp(shape: Shape, num_parameters: int = 2, context: int = 0) -> MLP:
    kept = shape[0] // 2
    return MLP(kept, num_parameters * (shape[0] - kept), hidden=16, context_features=context)


FLOW_CASES = [
    FlowCase("rnvp_split", lambda s: SplitCoupling(split_mlp(s)), vectors()),
    FlowCase("rnvp_split_context", lambda s: SplitCoupling(split_mlp(s, 2, 3)), vectors(), vector_context),
    FlowCase("rnvp_bounded", lambda s: SplitCoupling(split_mlp(s), transform=Affine(bound=2.0)), vectors()),
    FlowCase("nice_additive", lambda s: SplitCoupling(split_mlp(s, 1), transform=Additive()), vectors()),
    FlowCase(
        "rnvp_swapped", lambda s: SplitCoupling(split_mlp(s), swap=True), vectors().map(lambda s: (2 * s[0],))
    ),
    FlowCase("rnvp_masked", lambda s: MaskedCoupling(MLP(*s, 2 * s[0]), checkerboard_mask(*s)), vectors()),
]
