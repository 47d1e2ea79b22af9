"""States of single streams as the state of a batch, and back.

A state is nested dataclasses, named tuples, tuples and lists. Tensors have the batch as their first axis, a
tuple of integers has one a stream (the seeds), and any other value is shared by the whole batch.
"""

import dataclasses
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

Leaf = Tensor | tuple[int, ...]


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
    return rebuilt(states[0], map(_joined, zip(*map(leaves, states), strict=True)))


def unstack(state: Any, row: int) -> Any:
    """The state of one stream of the batch, which keeps nothing of the others alive."""
    return rebuilt(state, (_of_row(leaf, row) for leaf in leaves(state)))


def leaves(state: Any) -> list[Leaf]:
    """Its tensors, and its tuples of integers, in a fixed order."""
    match state:
        case Tensor():
            return [state]
        case tuple() | list() if _is_row(state):
            return [tuple(state)]
        case tuple() | list():
            return [leaf for part in state for leaf in leaves(part)]
        case _ if dataclasses.is_dataclass(state):
            parts = (getattr(state, field.name) for field in dataclasses.fields(state))
            return [leaf for part in parts for leaf in leaves(part)]
    return []


def rebuilt(state: Any, others: Iterable[Any]) -> Any:
    """`state` with others in the places of its `leaves`."""
    return _rebuilt(state, iter(others))


def _rebuilt(state: Any, others: Iterator[Any]) -> Any:
    match state:
        case Tensor():
            return next(others)
        case tuple() | list() if _is_row(state):
            return next(others)
        case tuple() | list():
            parts = [_rebuilt(part, others) for part in state]
            return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)
        case _ if dataclasses.is_dataclass(state):
            made: Any = type(state)
            fields = dataclasses.fields(state)
            return made(**{field.name: _rebuilt(getattr(state, field.name), others) for field in fields})
    return state


def _joined(rows: Sequence[Any]) -> Leaf:
    if isinstance(rows[0], Tensor):
        return torch.cat(list(rows))
    return tuple(item for row in rows for item in row)


def _of_row(leaf: Leaf, row: int) -> Leaf:
    return leaf[row : row + 1].clone() if isinstance(leaf, Tensor) else leaf[row : row + 1]


def _is_row(value: Sequence[Any]) -> bool:
    plain = type(value) in (tuple, list)
    return plain and len(value) > 0 and all(type(item) is int for item in value)
