"""States of streams and of their batch: there and back, and only where they fit."""

from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from vocoder.inference.stacking import layout, stack, unstack


class Inner(NamedTuple):
    phase: Tensor
    history: Tensor


@dataclass(frozen=True)
class State:
    seeds: tuple[int, ...]
    temperature: float
    inner: Inner
    layers: tuple[Tensor, ...]


def state(seed, temperature=1.0, width=3):
    generator = torch.Generator().manual_seed(seed)
    phase, history, layer = (torch.randn(1, width, generator=generator) for _ in range(3))
    return State((seed,), temperature, Inner(phase[:, 0].double(), history), (layer,))


def test_a_batch_comes_apart_again():
    states = [state(seed) for seed in range(3)]
    batch = stack(states)
    assert batch.seeds == (0, 1, 2)
    assert batch.inner.history.shape == (3, 3)
    for again, single in zip(unstack(batch, 3), states, strict=True):
        assert (again.seeds, again.temperature) == (single.seeds, single.temperature)
        assert torch.equal(again.inner.phase, single.inner.phase)
        assert torch.equal(again.inner.history, single.inner.history)
        assert torch.equal(again.layers[0], single.layers[0])


def test_what_came_apart_keeps_nothing_of_the_others():
    batch = stack([state(0), state(1)])
    (alone,) = unstack(batch, 1)
    assert alone.inner.history.untyped_storage().nbytes() == alone.inner.history.nbytes


@pytest.mark.parametrize(
    "other", [state(1, temperature=0.5), state(1, width=4), Inner(torch.zeros(1), torch.zeros(1))]
)
def test_unlike_states_have_unlike_layouts(other):
    assert layout(state(0)) != layout(other)


def test_seeds_do_not_matter_to_the_layout():
    assert layout(state(0)) == layout(state(1))
    assert hash(layout(state(0))) == hash(layout(state(1)))
