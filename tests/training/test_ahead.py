"""Batches made ahead are those made on demand, and a failure in making one is told."""

import time

import pytest
import torch

from training.data.ahead import Ahead
from training.data.segments import Batch, Segments


class Slow(Segments):
    """Batches that take their time and know their step."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def batch(self, seed: int, step: int, own: object = None) -> Batch:
        if step == 13:
            raise ValueError("a clip is damaged")
        time.sleep(0.02)
        self.made.append(step)
        return Batch(*(torch.full((1, 1), float(100 * seed + step)) for _ in range(4)))


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_every_step_gets_its_own(depth: int) -> None:
    ahead = Ahead(Slow(), depth)
    for step in (0, 1, 2, 3, 7, 8, 2):
        assert ahead.batch(1, step).audio.item() == 100 + step
    ahead.close()


def test_the_next_batches_are_made_before_they_are_asked_for() -> None:
    slow = Slow()
    ahead = Ahead(slow, 2)
    ahead.batch(0, 0)
    deadline = time.monotonic() + 30
    while set(slow.made) != {0, 1, 2} and time.monotonic() < deadline:
        time.sleep(0.01)
    ahead.close()
    assert set(slow.made) == {0, 1, 2}


def test_without_depth_nothing_is() -> None:
    slow = Slow()
    ahead = Ahead(slow, 0)
    ahead.batch(0, 0)
    ahead.close()
    assert slow.made == [0]
    assert ahead.waited > 0


def test_nothing_is_made_twice() -> None:
    slow = Slow()
    ahead = Ahead(slow, 2)
    for step in range(6):
        ahead.batch(0, step)
    ahead.close()
    assert len(slow.made) == len(set(slow.made))


def test_a_failure_ahead_comes_with_its_step() -> None:
    ahead = Ahead(Slow(), 2)
    for step in (11, 12):
        ahead.batch(0, step)
    with pytest.raises(ValueError, match="a clip is damaged"):
        ahead.batch(0, 13)
    ahead.close()
