"""A known law is recovered, with an interval that knows its noise; what cannot be fitted is refused."""

import numpy as np
import pytest

from training.scaling.doubling import doubling
from training.scaling.law import PowerLaw, fit, hindsight, interval, plausible
from vocoder.errors import InputError

COSTS: list[float] = np.geomspace(30, 6000, 9).tolist()
KNOWN = PowerLaw(floor=7.1, scale=3.0, exponent=0.5)
EXACT = [KNOWN.at(cost) for cost in COSTS]


@pytest.mark.parametrize("known", [KNOWN, PowerLaw(1.0, 0.8, 0.15), PowerLaw(0.3, 500.0, 1.1)])
def test_a_known_law_is_recovered(known):
    law = fit(COSTS, [known.at(cost) for cost in COSTS])
    assert law.at(1e6) == pytest.approx(known.at(1e6), abs=1e-3)
    assert law.exponent == pytest.approx(known.exponent, rel=1e-2)


def test_one_outlier_moves_it_little():
    spoiled = [*EXACT[:4], EXACT[4] + 0.3, *EXACT[5:]]
    assert fit(COSTS, spoiled).at(1e6) == pytest.approx(KNOWN.at(1e6), abs=0.05)


def test_the_order_and_the_unit_of_costs_do_not_matter():
    law, turned = fit(COSTS, EXACT), fit([cost / 3600 for cost in COSTS[::-1]], EXACT[::-1])
    assert turned.at(10.0) == pytest.approx(law.at(36_000.0), abs=1e-6)


def test_the_interval_holds_the_truth_and_grows_with_noise_and_distance():
    noisy = (np.array(EXACT) + 0.01 * np.random.default_rng(1).standard_normal(len(EXACT))).tolist()
    laws = plausible(COSTS, noisy)
    near, far = interval(laws, 6000.0), interval(laws, 1e7)
    assert near.low < KNOWN.at(6000.0) < near.high
    assert far.low < KNOWN.at(1e7) < far.high
    assert far.high - far.low > near.high - near.low
    more = interval(plausible(COSTS, noisy, noise=0.05), 1e7)
    assert more.high - more.low > far.high - far.low


def test_hindsight_knows_a_law_from_a_curve_that_turns():
    seen = hindsight(COSTS, EXACT)
    assert seen is not None
    assert seen.error < 1e-3 < seen.unchanged
    turning = [*EXACT[:5], EXACT[4] + 0.5, EXACT[4] + 0.5, EXACT[4] + 0.5, EXACT[4] + 0.5]
    late = hindsight(COSTS, turning)
    assert late is not None
    assert late.error > late.unchanged
    assert hindsight(COSTS[:4], EXACT[:4]) is None


@pytest.mark.parametrize(
    ("costs", "figures", "message"),
    [
        (COSTS[:3], EXACT[:3], "needs 4 points or more at different costs, got 3"),
        ([1.0, 1.0, 2.0, 3.0], [4.0, 4.0, 3.0, 2.0], "got 3"),
        ([0.0, 1.0, 2.0, 3.0], [4.0, 4.0, 3.0, 2.0], "above 0"),
    ],
)
def test_what_cannot_be_fitted_is_refused(costs, figures, message):
    with pytest.raises(InputError, match=message):
        fit(costs, figures)


def test_a_doubling_is_recovered_and_doubted_by_its_noise():
    line = doubling([1.0, 2.0, 4.0, 8.0], [7.0, 6.9, 6.8, 6.7])
    assert (line.slope, line.at(16.0)) == (pytest.approx(-0.1), pytest.approx(6.6))
    assert line.found
    assert not doubling([1.0, 2.0, 4.0, 8.0], [7.0, 6.9, 6.8, 6.7], noise=0.2).found
    with pytest.raises(InputError, match="two or more different"):
        doubling([3.0, 3.0], [1.0, 2.0])
