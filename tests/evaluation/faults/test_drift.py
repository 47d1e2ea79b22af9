import numpy as np
import pytest

from vocoder.evaluation.faults.drift import find_drift, gain_slopes

RATE = 22_050


@pytest.mark.parametrize("slope", [-6.0, -2.0, 1.5, 4.0])
def test_a_ramp_reads_its_slope(heard, noise, slope):
    ramp = 10 ** (slope * np.arange(len(noise)) / RATE / 20)
    (event,) = find_drift(heard(noise, noise * ramp)).events
    assert event.strength == pytest.approx(slope, rel=0.1)


def test_a_ramp_on_speech_reads_its_slope(recording):
    speech = np.tile(recording, 3)
    ramp = 10 ** (3.0 * np.arange(len(speech)) / RATE / 20)
    slopes = gain_slopes(speech, speech * ramp, RATE)
    known = slopes[np.isfinite(slopes)]
    assert known.size > 0
    np.testing.assert_allclose(known, 3.0, rtol=0.1)


def test_only_where_it_drifts(heard):
    noise = 0.01 * np.random.default_rng(0).standard_normal(10 * RATE)
    gain = np.interp(np.arange(len(noise)) / RATE, [0, 4, 7, 10], [0, 0, 9, 9])
    found = find_drift(heard(noise, noise * 10 ** (gain / 20)))
    (event,) = found.events
    assert event.seconds == pytest.approx(5.5, abs=0.6)
    assert 0.3 < found.rate < 0.6


def test_another_gain_is_no_drift(heard, noise):
    assert find_drift(heard(noise, 3 * noise)).events == ()
