"""The band above the mel's end: how much louder than the recording it is, and where that can be said."""

import numpy as np
import pytest
from scipy.signal import firwin, lfilter

from vocoder.errors import AudioError, InputError
from vocoder.evaluation.upper_band import band_levels, upper_band_difference

RATE = 22_050


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    """Two seconds, of which the second half sounds."""
    rng = np.random.default_rng(0)
    wave = 0.05 * rng.standard_normal(2 * RATE)
    wave[:RATE] *= 1e-3
    return wave


def split(wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What lies below 7 kHz and the rest."""
    low = lfilter(firwin(401, 7000, fs=RATE), 1.0, np.pad(wave, (0, 200)))[200:]
    return low, wave - low


@pytest.mark.parametrize("gain", [-12.0, 0.0, 3.0])
def test_it_is_the_gain_of_that_band_alone(noise: np.ndarray, gain: float) -> None:
    low, high = split(noise)
    changed = 0.5 * low + 10 ** (gain / 20) * high
    assert upper_band_difference(noise, changed, RATE) == pytest.approx(gain, abs=0.1)


def test_pauses_do_not_count(noise: np.ndarray) -> None:
    changed = noise.copy()
    changed[: RATE - 2000] *= 100
    assert upper_band_difference(noise, changed, RATE) == pytest.approx(0.0, abs=0.01)


def test_levels_are_in_decibels_of_full_scale() -> None:
    tone = np.sqrt(2) * 0.1 * np.sin(2 * np.pi * 9000 / RATE * np.arange(RATE))
    whole, upper = band_levels(tone, RATE)
    assert whole == pytest.approx(-20.0, abs=0.1)
    assert upper == pytest.approx(-20.0, abs=0.1)


def test_a_recording_without_the_band_has_no_figure(noise: np.ndarray) -> None:
    low, _ = split(noise)
    with pytest.raises(AudioError, match="nothing above 8000 Hz"):
        upper_band_difference(1e-3 * low, noise, RATE)
    with pytest.raises(AudioError, match="needs 20000 samples a second, 16000 came"):
        upper_band_difference(noise, noise, 16_000)
    with pytest.raises(AudioError, match="needs 1014 samples, 100 came"):
        upper_band_difference(noise[:100], noise[:100], RATE)
    with pytest.raises(InputError, match="align the audio first"):
        upper_band_difference(noise, noise[1:], RATE)
