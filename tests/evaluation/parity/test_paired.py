"""What is said of a difference: nothing where there is none, and the right side where there is one."""

from collections.abc import Sequence

import numpy as np
import pytest

from vocoder.evaluation.parity.paired import Better, Paired, compare

VALUES = np.random.default_rng(0).normal(3.0, 1.0, 24)
EACH_HIS_OWN = [str(number) for number in range(24)]


def paired(
    first: np.ndarray, second: np.ndarray, better: Better, speakers: Sequence[str] = EACH_HIS_OWN
) -> Paired:
    return compare(first, second, better, speakers[: len(first)])


@pytest.mark.parametrize("better", ["higher", "lower", "zero"])
def test_a_voice_does_not_differ_from_itself(better: Better) -> None:
    found = paired(VALUES, VALUES, better)
    assert found.difference[:3] == (0.0, 0.0, 0.0)
    assert found.verdict == "no difference shown"


@pytest.mark.parametrize(("better", "verdict"), [("higher", "better"), ("lower", "worse"), ("zero", "worse")])
def test_the_verdict_follows_the_better_end_and_turns_with_the_order(better: Better, verdict: str) -> None:
    first, second = np.abs(VALUES) + 1.0, np.abs(VALUES)
    assert paired(first, second, better).verdict == verdict
    assert paired(second, first, better).verdict == ("worse" if verdict == "better" else "better")


def test_where_zero_is_best_the_sign_plays_no_role() -> None:
    found = paired(-VALUES, VALUES, "zero")
    assert found.difference.mean == 0.0
    assert found.verdict == "no difference shown"


def test_an_interval_that_holds_zero_shows_no_difference() -> None:
    other = VALUES + np.tile([0.5, -0.5], 12)
    assert paired(other, VALUES, "higher").verdict == "no difference shown"


def test_only_utterances_that_both_have_count() -> None:
    first, second = VALUES.copy(), VALUES + 1.0
    first[:4], second[4:6] = np.nan, np.nan
    found = paired(first, second, "lower")
    assert found.difference.clips == found.speakers == 18
    assert found.difference.mean == pytest.approx(-1.0)
    assert found.first == pytest.approx(VALUES[6:].mean())


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_utterances_show_no_difference(count: int) -> None:
    found = paired(VALUES[:count] + 1, VALUES[:count], "higher")
    assert found.difference.clips == found.speakers == count
    assert found.verdict == "no difference shown"


def test_what_one_of_three_speakers_shows_is_not_shown_of_speakers() -> None:
    first = np.concatenate([np.ones(8), np.tile([0.1, -0.1], 8)])
    speakers = [name for name in "abc" for _ in range(8)]
    assert paired(first, np.zeros(24), "higher").verdict == "better"
    found = paired(first, np.zeros(24), "higher", speakers)
    assert (found.speakers, found.verdict) == (3, "no difference shown")


def test_of_one_speaker_the_verdict_is_over_utterances() -> None:
    other = VALUES + np.random.default_rng(1).normal(1.0, 0.5, 24)
    found = paired(other, VALUES, "higher", ["one"] * 24)
    assert found.speakers == 1
    assert (found.difference, found.verdict) == (paired(other, VALUES, "higher").difference, "better")
