"""Tones in pauses: none in noise, planted ones found at their level."""

import math

import numpy as np
import pytest

from vocoder.evaluation.tones import tonal_artefacts

RATE, LENGTH = 22050, 3 * 22050


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return 1e-4 * np.random.default_rng(0).standard_normal(LENGTH)


@pytest.fixture(scope="module")
def speech(noise: np.ndarray) -> np.ndarray:
    """A second of sound, then pause."""
    loud = np.arange(LENGTH) < RATE
    return noise + loud * 0.1 * np.random.default_rng(1).standard_normal(LENGTH)


def tone(multiple: int, amplitude: float, group: int = 16) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * multiple / group * np.arange(LENGTH))


def test_noise_has_no_tones(speech: np.ndarray) -> None:
    assert 0 < tonal_artefacts(speech, speech) < 4


@pytest.mark.parametrize("multiple", [1, 2, 5, 7])
def test_a_planted_tone_is_found_at_its_level(speech: np.ndarray, multiple: int) -> None:
    """Its peak in a spectrum of that window: amplitude² / 4 · (Σw)² / Σw², above the noise's variance."""
    window, amplitude = np.hanning(2048), 1e-3
    expected = 10 * math.log10(amplitude**2 / 4 * window.sum() ** 2 / (window**2).sum() / 1e-8)
    found = tonal_artefacts(speech, speech + tone(multiple, amplitude))
    assert found == pytest.approx(expected, abs=1)


def test_a_tone_elsewhere_is_none(speech: np.ndarray) -> None:
    assert tonal_artefacts(speech, speech + tone(1, 1e-3, group=11)) < 4


def test_a_tone_under_speech_alone_is_none(speech: np.ndarray) -> None:
    under = np.where(np.arange(LENGTH) < RATE, tone(4, 1e-2), 0)
    assert tonal_artefacts(speech, speech + under) < 4


def test_digital_silence_in_pauses_is_no_tone(speech: np.ndarray) -> None:
    silent = np.where(np.arange(LENGTH) < RATE, speech, 0)
    assert tonal_artefacts(speech, silent) < 4


def test_without_pauses_there_is_no_answer(noise: np.ndarray) -> None:
    assert math.isnan(tonal_artefacts(noise, noise))
    assert math.isnan(tonal_artefacts(noise[:100], noise[:100]))
