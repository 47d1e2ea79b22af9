"""States of single streams as the state of a batch, and back.

A state is nested dataclasses, named tuples, tuples and lists. Tensors have the batch as their first axis, a
tuple of integers has one a stream (the seeds), and any other value is shared by the whole batch.
"""

import dataclasses
from collections.abc import Hashable, Sequence
from typing import Any

import torch
from torch import Tensor


def layout(state: Any) -> Hashable:
    """What two states must agree in to be stacked: shapes without the batch, types, and shared values."""
    match state:
        case Tensor():
            return state.shape[1:], state.dtype, state.device
        case tuple() | list() if _is_row(state):
            return int
        case tuple() | list():
            return type(state), *map(layout, state)
        case _ if dataclasses.is_dataclass(state):
            return type(state), *(layout(getattr(state, field.name)) for field in dataclasses.fields(state))
    return state if isinstance(state, Hashable) else id(state)


def stack(states: Sequence[Any]) -> Any:
    """The state of the batch of these streams, which have one layout."""
    first = states[0]
    match first:
        case Tensor():
            return torch.cat(list(states))
        case tuple() | list() if _is_row(first):
            return type(first)(item for state in states for item in state)
        case tuple() | list():
            return _like(first, [stack(parts) for parts in zip(*states, strict=True)])
        case _ if dataclasses.is_dataclass(first):
            names = [field.name for field in dataclasses.fields(first)]
            made: Any = type(first)
            return made(**{name: stack([getattr(state, name) for state in states]) for name in names})
    return first


def unstack(state: Any, row: int) -> Any:
    """The state of one stream of the batch, which keeps nothing of the others alive."""
    match state:
        case Tensor():
            return state[row : row + 1].clone()
        case tuple() | list() if _is_row(state):
            return type(state)(state[row : row + 1])
        case tuple() | list():
            return _like(state, [unstack(part, row) for part in state])
        case _ if dataclasses.is_dataclass(state):
            names = [field.name for field in dataclasses.fields(state)]
            made: Any = type(state)
            return made(**{name: unstack(getattr(state, name), row) for name in names})
    return state


def _is_row(value: Sequence[Any]) -> bool:
    plain = type(value) in (tuple, list)
    return plain and len(value) > 0 and all(type(item) is int for item in value)


def _like(value: Any, parts: list[Any]) -> Any:
    """`parts` in a tuple, named tuple or list as `value` is one."""
    return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
