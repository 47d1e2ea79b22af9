"""How late a block may come: as the slowest lately, and so much for each stream."""

import pytest

from server.streams import delays
from server.streams.delays import LATELY, Delays


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(delays, "time", clock)
    return clock


@pytest.fixture
def kept(clock):
    return Delays(0.05, 0.15, few=4, each=0.02)


def take(kept, clock, seconds):
    with kept.measured():
        clock.now += seconds


def test_it_is_no_less_than_the_shortest_and_no_more_than_the_longest(kept, clock):
    assert kept.expected(1) == 0.05
    take(kept, clock, 0.01)
    assert kept.expected(1) == 0.05
    take(kept, clock, 2.0)
    assert kept.expected(1) == 0.15


def test_it_is_the_slowest_lately(kept, clock):
    for seconds in (0.08, 0.12, 0.06, 0.07):
        take(kept, clock, seconds)
    assert kept.expected(1) == pytest.approx(0.12)
    clock.now += LATELY - 0.1  # 0.12 is forgotten, 0.07 is not
    assert kept.expected(1) == pytest.approx(0.07)
    clock.now += LATELY
    assert kept.expected(1) == 0.05


def test_a_block_under_way_counts_for_as_long_as_it_has_taken(kept, clock):
    with kept.measured():
        clock.now += 0.07
        assert kept.expected(1) == pytest.approx(0.07)
        clock.now += 0.02
        assert kept.expected(1) == pytest.approx(0.09)


def test_many_streams_may_bring_their_blocks_at_once(kept, clock):
    assert kept.expected(4) == pytest.approx(0.05)
    assert kept.expected(6) == pytest.approx(0.09)
    assert kept.expected(16) == 0.15


def test_a_block_that_fails_counts_nothing(kept, clock):
    def fail():
        with kept.measured():
            clock.now += 0.1
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert kept.expected(1) == 0.05
