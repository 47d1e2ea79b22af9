"""The laws of the order: everyone hears everything, at random, and places even out over listeners."""

from collections import Counter
from itertools import pairwise

import pytest

from server.listening.definition import Kind, ListeningTest
from server.listening.plan import latin_square, trials


def comparing(clips=4, systems=3, *, seed=1, mid_anchor=False, kinds=(Kind.MOS, Kind.MUSHRA)):
    return ListeningTest(
        title="t",
        seed=seed,
        secret="00",
        sample_rate=16000,
        loudness=-26,
        kinds=list(kinds),
        systems=[f"s{i}" for i in range(systems)],
        clips=[f"c{i}" for i in range(clips)],
        mid_anchor=mid_anchor,
        files={},
    )


SIZES = [(1, 1), (2, 2), (4, 3), (5, 6), (12, 1)]


@pytest.mark.parametrize(("clips", "systems"), SIZES)
def test_everyone_hears_every_clip_under_every_condition_once(clips, systems):
    test = comparing(clips, systems, mid_anchor=True)
    for listener in range(7):
        planned = trials(test, listener)
        for kind in Kind:
            heard = Counter((t.clip, c) for t in planned if t.kind is kind for c in t.conditions)
            assert heard == dict.fromkeys(((c, s) for c in test.clips for s in test.conditions(kind)), 1)
            assert [t.number for t in planned if t.kind is kind] == list(
                range(clips if kind is Kind.MUSHRA else clips * (systems + 1))
            )


@pytest.mark.parametrize(("clips", "systems"), SIZES)
def test_signals_stand_as_often_at_each_place(clips, systems):
    """Over as many trials as there are signals, whoever took them: exactly."""
    test = comparing(clips, systems, kinds=[Kind.MUSHRA])
    size = len(test.conditions(Kind.MUSHRA))
    shown = [t for listener in range(size) for t in trials(test, listener)]
    places = Counter((place, c) for t in shown for place, c in enumerate(t.conditions))
    assert set(places.values()) == {len(shown) // size}
    clips_at = Counter((t.number, t.clip) for listener in range(clips) for t in trials(test, listener))
    assert set(clips_at.values()) == {1}


@pytest.mark.parametrize(("clips", "systems"), SIZES)
def test_conditions_are_spread_over_the_session(clips, systems):
    """In each round of a MOS test every clip once, every condition equally often, give or take one."""
    test = comparing(clips, systems, kinds=[Kind.MOS])
    for listener in range(5):
        planned = trials(test, listener)
        for begin in range(0, len(planned), clips):
            heard = planned[begin : begin + clips]
            assert sorted(t.clip for t in heard) == sorted(test.clips)
            counts = Counter(c for t in heard for c in t.conditions)
            most, least = max(counts.values()), min(counts[c] for c in test.conditions(Kind.MOS))
            assert most - least <= 1
        if clips > 1:
            assert all(a.clip != b.clip for a, b in pairwise(planned))


def test_orders_differ_between_listeners_and_seeds_and_are_the_same_again():
    test = comparing()
    orders = [tuple(trials(test, listener)) for listener in range(30)]
    assert len(set(orders)) == 30
    assert orders == [tuple(trials(test, listener)) for listener in range(30)]
    assert tuple(trials(comparing(seed=2), 0)) != orders[0]


def test_a_place_does_not_tell_the_condition():
    """Given one signal's place, every other place is as likely for the next trial's (chi-square, 5 %)."""
    test = comparing(clips=3, systems=2, kinds=[Kind.MUSHRA])
    size = len(test.conditions(Kind.MUSHRA))
    moves = Counter()
    for listener in range(0, 4000, 4):
        first, second, _ = trials(test, listener)
        moves[(second.conditions.index("s0") - first.conditions.index("s0")) % size] += 1
    # in a square of its own a signal never stays, across squares it may: no move but that one stands out
    expected = (1000 - moves[0]) / (size - 1)
    assert sum((moves[k] - expected) ** 2 / expected for k in range(1, size)) < 5.99


def test_a_latin_square_is_one():
    for size in (1, 2, 5, 8):
        rows = latin_square(size, 7)
        for line in (*rows, *zip(*rows, strict=True)):
            assert sorted(line) == list(range(size))
