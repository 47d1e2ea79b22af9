"""Who hears what in which order: random, a function of (seed, listener), and balanced over listeners."""

from typing import NamedTuple

import numpy as np

from server.listening.definition import Kind, ListeningTest

_CLIPS, _ORDER, _ROUNDS, _CONDITIONS = range(4)  # what a draw is for


class Trial(NamedTuple):
    """A clip, and the conditions that it is heard under, in the order they are shown."""

    kind: Kind
    number: int
    clip: str
    conditions: tuple[str, ...]


def trials(test: ListeningTest, listener: int) -> list[Trial]:
    """All that listener number `listener` (from 0) is asked, in order."""
    plans = {Kind.MOS: _mos, Kind.MUSHRA: _mushra}
    return [trial for kind in test.kinds for trial in plans[kind](test, listener)]


def latin_square(size: int, *seed: int) -> list[list[int]]:
    """Rows of a random Latin square: in `size` of them everything stands once at each place."""
    rng = np.random.default_rng(seed)
    rows, columns, symbols = (rng.permutation(size) for _ in range(3))
    return [[int(symbols[(row + column) % size]) for column in columns] for row in rows]


def _mushra(test: ListeningTest, listener: int) -> list[Trial]:
    """Clips and, within a trial, conditions by rows of Latin squares.

    As many listeners as there are clips hear each of them at each place; as many trials as there are
    conditions show each of them at each place.
    """
    clips, conditions = test.clips, test.conditions(Kind.MUSHRA)
    order = _row(len(clips), listener, test.seed, _CLIPS)
    planned = []
    for number, clip in enumerate(order):
        shown = _row(len(conditions), listener * len(clips) + number, test.seed, _ORDER)
        planned.append(Trial(Kind.MUSHRA, number, clips[clip], tuple(conditions[i] for i in shown)))
    return planned


def _mos(test: ListeningTest, listener: int) -> list[Trial]:
    """Rounds in which every clip is heard once, and every condition as often, give or take one.

    No clip comes twice in a row, where there are more than one.
    """
    clips, conditions = test.clips, test.conditions(Kind.MOS)
    square = latin_square(len(conditions), test.seed, _CONDITIONS, listener)
    rng = np.random.default_rng([test.seed, _ROUNDS, listener])
    planned: list[Trial] = []
    last = -1
    for round_ in range(len(conditions)):
        order = [int(i) for i in rng.permutation(len(clips))]
        if order[0] == last:
            order = [*order[1:], order[0]]
        for clip in order:
            condition = conditions[square[clip % len(conditions)][round_]]
            planned.append(Trial(Kind.MOS, len(planned), clips[clip], (condition,)))
        last = order[-1]
    return planned


def _row(size: int, number: int, *seed: int) -> list[int]:
    """Row `number` of one Latin square after another."""
    return latin_square(size, *seed, number // size)[number % size]
