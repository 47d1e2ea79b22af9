import numpy as np
import pytest
from scipy.stats import bootstrap

from vocoder.evaluation.statistics import estimate


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(1).normal(3, 0.5, size=12)


def test_interval_agrees_with_scipys_percentile_bootstrap(values):
    theirs = bootstrap(
        (values,), np.mean, method="percentile", rng=np.random.default_rng(5)
    ).confidence_interval
    assert estimate(values)[1:3] == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_mean_is_over_the_clips_that_define_the_measure(values):
    assert estimate(np.append(values, np.nan)) == estimate(values)
    assert estimate(values).mean == pytest.approx(values.mean())
    assert estimate(values).clips == 12


def test_same_values_same_interval(values):
    assert estimate(values) == estimate(values)


def test_one_clip_has_a_mean_and_no_interval():
    result = estimate(np.array([2.0]))
    assert (result.mean, result.clips) == (2.0, 1)
    assert np.isnan([result.low, result.high]).all()


def test_no_clip_has_nothing():
    result = estimate(np.array([np.nan]))
    assert result.clips == 0
    assert np.isnan(result.mean)
