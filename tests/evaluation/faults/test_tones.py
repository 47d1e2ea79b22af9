import numpy as np
import pytest

from vocoder.evaluation.faults.tones import find_tones

RATE = 22_050
LENGTH = 4 * RATE


@pytest.fixture
def speech() -> np.ndarray:
    """A second of sound, a pause of one, and the same again."""
    random = np.random.default_rng(0)
    loud = np.arange(LENGTH) // RATE % 2 == 0
    return np.where(loud, 0.1, 1e-3) * random.standard_normal(LENGTH)


@pytest.mark.parametrize("hertz", [400.0, 1378.125, 6789.0])
def test_a_tone_in_one_pause_is_found_there(heard, speech, hertz):
    seconds = np.arange(LENGTH) / RATE
    tone = np.where((seconds > 1) & (seconds < 2), 1e-2 * np.sin(2 * np.pi * hertz * seconds), 0)
    (event,) = find_tones(heard(speech, speech + tone)).events
    assert event.seconds == pytest.approx(1.5, abs=0.05)
    window = np.hanning(2048)  # a line between two bins loses up to 1.4 dB
    line = 1e-2**2 / 4 / (1e-6 * (window**2).sum() / window.sum() ** 2)
    assert event.strength == pytest.approx(10 * np.log10(line), abs=3)


def test_the_recordings_own_tone_is_none(heard, speech):
    hum = speech + 1e-2 * np.sin(np.arange(LENGTH) / 5)
    assert find_tones(heard(hum, hum[::-1])).events == ()


def test_a_tone_under_speech_alone_is_none(heard, speech):
    seconds = np.arange(LENGTH) / RATE
    under = np.where(seconds < 1, 5e-2 * np.sin(9000 * seconds), 0)
    assert find_tones(heard(speech, speech + under)).events == ()


def test_rate_is_a_minute(heard, speech):
    tone = 1e-2 * np.sin(np.arange(LENGTH) / 3)
    assert find_tones(heard(speech, speech + tone)).rate == pytest.approx(2 * 60 / 4)
