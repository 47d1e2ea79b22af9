"""What holds for every detector: the recording has none of the faults it is measured against."""

import numpy as np
import pytest
from scipy.signal import chirp

from vocoder.evaluation.faults import DETECTORS

RATE = 22_050


@pytest.fixture(params=DETECTORS.values(), ids=lambda detector: detector.name)
def detector(request):
    if not request.param.available:
        pytest.skip(f"{request.param.needs} is not installed")
    return request.param


def test_a_recording_against_itself_has_no_fault(detector, heard, recording):
    found = detector(heard(recording))
    assert found.events == ()
    assert not found.rate > 0  # NaN where it is undefined


def test_a_slight_noise_and_another_gain_are_no_fault(detector, heard, recording):
    noise = 1e-4 * np.random.default_rng(0).standard_normal(len(recording))
    assert detector(heard(recording, 0.8 * recording + noise)).events == ()


def test_a_clean_sweep_has_no_fault(detector, heard):
    seconds = np.arange(3 * RATE) / RATE
    assert detector(heard(0.3 * chirp(seconds, 100, 3, 8000))).events == ()


def test_a_clip_too_short_has_neither_events_nor_a_rate(detector, heard):
    found = detector(heard(0.1 * np.random.default_rng(0).standard_normal(300)))
    assert found.events == ()
    assert np.isnan(found.rate)


def test_digital_silence_has_no_fault(detector, heard):
    assert detector(heard(np.zeros(3 * RATE))).events == ()
