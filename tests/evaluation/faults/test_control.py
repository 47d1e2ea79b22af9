"""The control against false alarms is no easy one, and has no fault of its own."""

import numpy as np
import pytest
import torch

from vocoder.evaluation.alignment import align
from vocoder.evaluation.faults import Heard
from vocoder.evaluation.faults.clicks import find_clicks
from vocoder.evaluation.faults.control import (
    CUT_SECONDS,
    GAIN_DB,
    NOISE_DB,
    Rerecorded,
    dispersed,
    loud_level,
)

RATE = 22_050


def again(audio: np.ndarray, rate: int = RATE) -> np.ndarray:
    return Rerecorded().generate(torch.from_numpy(audio), rate)[0].numpy()


@pytest.mark.parametrize("rate", [16_000, 22_050, 48_000])
def test_magnitudes_stay_and_delays_spread_over_7_ms(rate):
    impulse = np.zeros(rate)
    impulse[0] = 1
    response = np.fft.rfft(dispersed(impulse, rate))
    np.testing.assert_allclose(np.abs(response), 1, atol=1e-9)
    delay = -np.diff(np.unwrap(np.angle(response))) / (2 * np.pi)  # seconds, as bins are 1 Hz apart
    assert np.ptp(delay) == pytest.approx(0.007, abs=0.0002)
    assert delay.max() < CUT_SECONDS


def test_it_is_softer_cut_and_in_noise(recording):
    made, expected = again(recording), dispersed(recording, RATE)[round(CUT_SECONDS * RATE) :]
    noise = made - 10 ** (GAIN_DB / 20) * expected
    level = 20 * np.log10(noise.std() / loud_level(made, RATE))
    assert level == pytest.approx(NOISE_DB, abs=0.1)
    assert np.abs(noise).max() < 6 * noise.std()  # nothing is clipped


def test_the_waveform_is_another(recording):
    """Differences of samples, where the lowest harmonics weigh less, hardly correlate at any lag to 25 ms."""
    pair = align(torch.from_numpy(recording), torch.from_numpy(again(recording)), RATE)
    first, second = np.diff(pair.reference), np.diff(pair.generated)
    spectra = (np.fft.rfft(audio, 2 * len(first)) for audio in (first, second))
    correlation = np.fft.irfft(next(spectra).conj() * next(spectra))
    highest = np.abs(np.r_[correlation[:551], correlation[-551:]]).max()
    assert highest / np.linalg.norm(first) / np.linalg.norm(second) < 0.6


def test_a_click_is_found_in_it(recording):
    made = again(recording)
    place = len(made) // 2
    made[place] += 0.3
    pair = align(torch.from_numpy(recording), torch.from_numpy(made), RATE)
    times = [event.seconds for event in find_clicks(Heard(pair)).events]
    assert times == [pytest.approx((place - max(pair.lag, 0)) / RATE, abs=0.002)]


def test_what_is_shorter_than_a_block_has_a_level():
    assert loud_level(np.full(10, 0.5), RATE) == pytest.approx(0.5)
    assert loud_level(np.zeros(0), RATE) == 0
