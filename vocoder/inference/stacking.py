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
            return type(state), *map(layout, vars(state).values())
    return state if isinstance(state, Hashable) else id(state)


def stack(states: Sequence[Any]) -> Any:
    """The state of the batch of these streams, which have one layout."""
    return rebuilt(states[0], map(_joined, zip(*map(leaves, states), strict=True)))


def unstack(state: Any, count: int) -> list[Any]:
    """The states of the first `count` streams of the batch; none keeps anything of the others alive."""
    rows = zip(*(_rows(leaf, count) for leaf in leaves(state)), strict=True)
    return [rebuilt(state, row) for row in rows]


def leaves(state: Any) -> list[Leaf]:
    """Its tensors, and its tuples of integers, in a fixed order."""
    found: list[Leaf] = []
    _gather(state, found)
    return found


def _gather(state: Any, found: list[Leaf]) -> None:
    if isinstance(state, Tensor):
        found.append(state)
    elif isinstance(state, (tuple, list)):
        if _is_row(state):
            found.append(tuple(state))
        else:
            for part in state:
                _gather(part, found)
    elif dataclasses.is_dataclass(state):
        for part in vars(state).values():
            _gather(part, found)


def rebuilt(state: Any, others: Iterable[Any]) -> Any:
    """`state` with others in the places of its `leaves`."""
    return _rebuilt(state, iter(others))


def _rebuilt(state: Any, others: Iterator[Any]) -> Any:
    if isinstance(state, Tensor):
        return next(others)
    if isinstance(state, (tuple, list)):
        if _is_row(state):
            return next(others)
        parts = [_rebuilt(part, others) for part in state]
        return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)
    if dataclasses.is_dataclass(state):
        made: Any = type(state)
        return made(**{name: _rebuilt(part, others) for name, part in vars(state).items()})
    return state


def _joined(rows: Sequence[Any]) -> Leaf:
    if isinstance(rows[0], Tensor):
        return torch.cat(list(rows))
    return tuple(item for row in rows for item in row)


def _rows(leaf: Leaf, count: int) -> list[Leaf]:
    if isinstance(leaf, Tensor):
        return [row.clone() for row in leaf[:count].split(1)]
    return [(item,) for item in leaf[:count]]


def _is_row(value: Sequence[Any]) -> bool:
    plain = type(value) in (tuple, list)
    return plain and len(value) > 0 and all(type(item) is int for item in value)
