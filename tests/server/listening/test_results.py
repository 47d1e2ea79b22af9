"""Intervals on known numbers, their coverage, and who is left out."""

import math

import numpy as np
import pytest

from server.listening.definition import MID_ANCHOR, RECORDING, Kind
from server.listening.results import margin, screen, summaries
from server.listening.store import Rating


def said(condition, values, *, listener=0, kind=Kind.MUSHRA):
    return [
        Rating(listener, f"l{listener}", kind, i, f"c{i}", condition, value, 0.0)
        for i, value in enumerate(values)
    ]


def test_the_interval_of_known_numbers():
    assert margin([1, 2, 3, 4, 5]) == pytest.approx(2.776445 * math.sqrt(2.5 / 5), rel=1e-6)
    assert margin([4, 4, 4]) == 0
    assert math.isnan(margin([3]))


def test_the_interval_holds_the_mean_in_95_of_100_tests():
    rng = np.random.default_rng(0)
    draws = rng.normal(3.5, 0.8, size=(4000, 12))
    covered = np.mean([abs(row.mean() - 3.5) <= margin(list(row)) for row in draws])
    assert covered == pytest.approx(0.95, abs=0.012)


def test_a_summary_counts_and_the_best_comes_first():
    ratings = [*said("a", [3, 4]), *said("a", [5, 4], listener=1), *said("b", [5, 5])]
    best, other = summaries(ratings)
    assert (best.condition, best.mean, best.margin, best.ratings, best.listeners) == ("b", 5, 0, 2, 1)
    assert (other.mean, other.median, other.ratings, other.listeners) == (4, 4, 4, 2)
    assert (other.lower_quartile, other.upper_quartile) == (3.75, 4.25)


@pytest.mark.parametrize(("below", "kept"), [(0, True), (3, True), (4, False), (20, False)])
def test_who_misses_the_hidden_reference_too_often_is_left_out(below, kept):
    """More than 15 % of 20 trials below 90: three are not, four are."""
    ratings = said(RECORDING, [89] * below + [90] * (20 - below))
    assert (screen(ratings) == []) == kept


@pytest.mark.parametrize(("above", "kept"), [(3, True), (4, False)])
def test_who_takes_the_7_khz_anchor_for_the_reference_is_left_out(above, kept):
    ratings = said(RECORDING, [100] * 20) + said(MID_ANCHOR, [91] * above + [90] * (20 - above))
    found = screen(ratings)
    assert (found == []) == kept
    assert kept or "7 kHz" in found[0].reason


def test_the_others_stay():
    ratings = said(RECORDING, [100] * 4) + said(RECORDING, [50] * 4, listener=1)
    assert [(each.listener, each.name) for each in screen(ratings)] == [(1, "l1")]
    assert screen(said(RECORDING, [1] * 5, kind=Kind.MOS)) == []
