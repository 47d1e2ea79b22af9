"""Buzz, breathiness and octave errors: what a fault of voicing does, made by hand."""

import numpy as np
import pytest

from vocoder.evaluation.faults.breath import find_breath, harmonics_to_noise
from vocoder.evaluation.faults.buzz import find_buzz
from vocoder.evaluation.faults.octaves import find_octaves

RATE = 22_050


@pytest.fixture
def middle() -> np.ndarray:
    """From 1 to 1.5 s of three."""
    seconds = np.arange(3 * RATE) / RATE
    return (seconds >= 1) & (seconds < 1.5)


def test_buzz_is_found_where_it_is(heard, noise, vowel, middle):
    unvoiced = noise[: 3 * RATE]
    (event,) = find_buzz(heard(unvoiced, unvoiced + 0.5 * middle * vowel(150.0))).events
    assert event.seconds == pytest.approx(1.25, abs=0.02)
    assert 0.3 < event.strength < 1


def test_rate_of_buzz_is_the_share_that_buzzes(heard, noise, vowel, middle):
    unvoiced = noise[: 3 * RATE]
    found = find_buzz(heard(unvoiced, unvoiced + 0.5 * middle * vowel(150.0)))
    assert found.rate == pytest.approx(0.5 / 3, rel=0.1)


def test_other_noise_does_not_buzz(heard, noise):
    assert find_buzz(heard(noise, noise[::-1])).events == ()


def test_no_buzz_in_voiced_sounds(heard, vowel):
    found = find_buzz(heard(vowel(150.0)))
    assert found.events == ()
    assert np.isnan(found.rate)


def test_breath_is_found_where_it_is(heard, vowel, middle):
    """Noise of the vowel's own power makes harmonics and noise equal: 0 dB."""
    voiced = vowel(150.0)
    breath = np.sqrt(np.mean(voiced**2)) * np.random.default_rng(2).standard_normal(len(voiced))
    (event,) = find_breath(heard(voiced, voiced + middle * breath)).events
    assert event.seconds == pytest.approx(1.25, abs=0.02)
    from vocoder.evaluation.periodicity import periodicity

    clean = harmonics_to_noise(np.median(periodicity(voiced, RATE), keepdims=True))[0]
    assert event.strength == pytest.approx(clean, abs=2)


def test_a_little_noise_is_no_breath(heard, vowel):
    voiced = vowel(150.0) + 0.01 * np.random.default_rng(2).standard_normal(3 * RATE)
    louder = vowel(150.0) + 0.015 * np.random.default_rng(3).standard_normal(3 * RATE)
    assert find_breath(heard(voiced, louder)).events == ()


@pytest.mark.parametrize("octave", [0.5, 2.0])
@pytest.mark.parametrize("pitch", [120.0, 210.0])
def test_an_octave_jump_is_found(heard, vowel, middle, octave, pitch):
    pytest.importorskip("pyworld")
    right, wrong = vowel(pitch), vowel(octave * pitch)
    (event,) = find_octaves(heard(right, np.where(middle, wrong, right))).events
    assert event.seconds == pytest.approx(1.25, abs=0.03)


def test_rate_of_octave_errors_is_the_share_of_voiced_frames(heard, vowel, middle):
    pytest.importorskip("pyworld")
    right, wrong = vowel(210.0), vowel(105.0)
    found = find_octaves(heard(right, np.where(middle, wrong, right)))
    assert found.rate == pytest.approx(0.5 / 3, rel=0.15)


def test_a_semitone_is_no_octave(heard, vowel):
    pytest.importorskip("pyworld")
    assert find_octaves(heard(vowel(150.0), vowel(150.0 * 2 ** (1 / 12)))).events == ()
