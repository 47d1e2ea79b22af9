"""The anchors' filters do what BS.1534 asks, at every rate of a voice."""

import numpy as np
import pytest
from scipy.signal import freqz

from server.listening.anchors import LOW, MID, anchor_filter, band_limited

RATES = (16000, 22050, 24000, 44100, 48000)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("bandwidth", [LOW, MID])
def test_flat_below_and_down_above(rate, bandwidth):
    frequencies, response = freqz(anchor_filter(rate, bandwidth), worN=1 << 15, fs=rate)
    decibels = 20 * np.log10(np.abs(response) + 1e-12)
    assert np.abs(decibels[frequencies <= bandwidth]).max() < 0.1
    for above, least in ((500, 25), (1000, 50)):
        beyond = decibels[frequencies >= bandwidth + above]
        assert not beyond.size or beyond.max() < -least


def test_it_stays_in_step():
    time = np.arange(24000) / 24000
    tone = np.sin(2 * np.pi * 1000 * time)
    anchor = band_limited(tone + np.sin(2 * np.pi * 6000 * time), 24000, LOW)
    assert len(anchor) == len(tone)
    assert np.abs(anchor - tone)[1000:-1000].max() < 0.02
