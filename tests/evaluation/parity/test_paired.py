"""What is said of a difference: nothing where there is none, and the right side where there is one."""

import numpy as np
import pytest

from vocoder.evaluation.parity.paired import Better, compare

VALUES = np.random.default_rng(0).normal(3.0, 1.0, 24)


@pytest.mark.parametrize("better", ["higher", "lower", "zero"])
def test_a_voice_does_not_differ_from_itself(better: Better) -> None:
    paired = compare(VALUES, VALUES, better)
    assert paired.difference[:3] == (0.0, 0.0, 0.0)
    assert paired.verdict == "no difference shown"


@pytest.mark.parametrize(("better", "verdict"), [("higher", "better"), ("lower", "worse"), ("zero", "worse")])
def test_the_verdict_follows_the_better_end_and_turns_with_the_order(better: Better, verdict: str) -> None:
    first, second = np.abs(VALUES) + 1.0, np.abs(VALUES)
    assert compare(first, second, better).verdict == verdict
    assert compare(second, first, better).verdict == ("worse" if verdict == "better" else "better")


def test_where_zero_is_best_the_sign_plays_no_role() -> None:
    paired = compare(-VALUES, VALUES, "zero")
    assert paired.difference.mean == 0.0
    assert paired.verdict == "no difference shown"


def test_an_interval_that_holds_zero_shows_no_difference() -> None:
    other = VALUES + np.tile([0.5, -0.5], 12)
    assert compare(other, VALUES, "higher").verdict == "no difference shown"


def test_only_utterances_that_both_have_count() -> None:
    first, second = VALUES.copy(), VALUES + 1.0
    first[:4], second[4:6] = np.nan, np.nan
    paired = compare(first, second, "lower")
    assert paired.difference.clips == 18
    assert paired.difference.mean == pytest.approx(-1.0)
    assert paired.first == pytest.approx(VALUES[6:].mean())


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_utterances_show_no_difference(count: int) -> None:
    paired = compare(VALUES[:count] + 1, VALUES[:count], "higher")
    assert paired.difference.clips == count
    assert paired.verdict == "no difference shown"


def test_the_interval_is_the_same_each_time() -> None:
    other = VALUES**2
    assert compare(VALUES, other, "lower") == compare(VALUES, other, "lower")
