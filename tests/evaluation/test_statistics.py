"""An interval of 95 % holds the mean 95 times in 100, and is the textbook's."""

import numpy as np
import pytest
from scipy import stats

from vocoder.errors import InputError
from vocoder.evaluation.statistics import CONFIDENCE, estimate

TRIALS = 2000  # a share of 0.95 is then known to ± 0.005, one standard error


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(1).normal(3, 0.5, size=12)


def coverage(draws: np.ndarray, groups: list[str] | None = None) -> float:
    """The share of rows, each of mean zero, whose interval holds zero."""
    found = [estimate(row, groups) for row in draws]
    return float(np.mean([one.low <= 0 <= one.high for one in found]))


@pytest.mark.parametrize("count", [2, 3, 12])
def test_intervals_hold_the_mean_as_often_as_they_say(count):
    draws = np.random.default_rng(count).normal(size=(TRIALS, count))
    assert coverage(draws) == pytest.approx(CONFIDENCE, abs=0.02)


def test_clips_of_one_speaker_resemble_each_other_and_groups_allow_for_it():
    speakers, clips = 12, 6
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(TRIALS, speakers, 1)) + 0.5 * rng.normal(size=(TRIALS, speakers, clips))
    draws = draws.reshape(TRIALS, -1)
    groups = [str(number // clips) for number in range(speakers * clips)]
    assert coverage(draws, groups) == pytest.approx(CONFIDENCE, abs=0.02)
    assert coverage(draws) < 0.7


@pytest.mark.parametrize("between", [0.0, 0.3, 1.0])
def test_groups_of_unequal_size_make_it_as_narrow_as_is_told(between):
    sizes = [12, 12, 3, 3, 3, 3, 3, 2, 2, 2, 1, 1, 1]
    groups = [str(speaker) for speaker, size in enumerate(sizes) for _ in range(size)]
    rng, index = np.random.default_rng(0), np.array(groups, dtype=int)
    speakers = rng.normal(size=(TRIALS, len(sizes)))[:, index]
    clips = rng.normal(size=(TRIALS, len(index)))
    draws = np.sqrt(between) * speakers + np.sqrt(1 - between) * clips
    assert 0.875 < coverage(draws, groups) < 0.94


def test_the_interval_is_scipys(values):
    theirs = stats.t.interval(CONFIDENCE, len(values) - 1, values.mean(), stats.sem(values))
    assert estimate(values)[1:3] == pytest.approx(theirs)


def test_zero_is_left_out_where_students_test_rejects_it(values):
    for shift in np.linspace(0, 0.4, 41):
        moved = values - values.mean() + shift
        rejected = stats.ttest_1samp(moved, 0).pvalue < 1 - CONFIDENCE
        assert (estimate(moved).low > 0) == rejected


def test_groups_of_one_value_are_no_groups(values):
    assert estimate(values, [str(number) for number in range(12)]) == pytest.approx(estimate(values))


def test_equal_groups_are_as_many_values_as_groups(values):
    """Of groups of one size the interval is Student's over their means."""
    groups = [name for name in "abcd" for _ in range(3)]
    means = estimate(values.reshape(4, 3).mean(axis=1))
    assert estimate(values, groups)[:3] == pytest.approx(means[:3])
    assert estimate(values, groups).clips == 12


def test_of_one_group_values_count_as_independent(values):
    assert estimate(values, ["one"] * 12) == estimate(values)


def test_mean_is_over_the_clips_that_define_the_measure(values):
    assert estimate(np.append(values, np.nan)) == estimate(values)
    assert estimate(values).mean == pytest.approx(values.mean())
    assert estimate(values).clips == 12


def test_a_group_without_a_value_is_no_group(values):
    groups = list("aaabbbcccddd")
    assert estimate(np.append(values, np.nan), [*groups, "e"]) == estimate(values, groups)


def test_one_clip_has_a_mean_and_no_interval():
    result = estimate(np.array([2.0]))
    assert (result.mean, result.clips) == (2.0, 1)
    assert np.isnan([result.low, result.high]).all()


def test_no_clip_has_nothing():
    result = estimate(np.array([np.nan]))
    assert result.clips == 0
    assert np.isnan(result.mean)


def test_groups_of_another_number_are_refused(values):
    with pytest.raises(InputError, match="12 values and 2 labels"):
        estimate(values, ["a", "b"])
