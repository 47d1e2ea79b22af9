"""What holds for every detector: a sound made again without a fault has none, however unlike the waveform."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.signal import chirp, lfilter

from vocoder.evaluation.alignment import align
from vocoder.evaluation.faults import DETECTORS, Streamed
from vocoder.evaluation.faults.control import Rerecorded, dispersed

RATE = 22_050
SECONDS = 3
STEP = 2**-15
"""Of 16-bit PCM."""


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(SECONDS * RATE)


def sweeps() -> tuple[np.ndarray, np.ndarray]:
    """Of another phase, each in its own noise, the second cut 2 ms later."""
    seconds = np.arange(SECONDS * RATE) / RATE
    first, second = chirp(seconds, 100, 3, 8000), chirp(seconds + 0.002, 100, 3, 8000, phi=130)
    return 0.3 * first + 1e-4 * noise(0), 0.3 * second + 1e-4 * noise(1)


def noises() -> tuple[np.ndarray, np.ndarray]:
    """Of one colour."""
    return 0.02 * lfilter([1], [1, -0.9], noise(0)), 0.02 * lfilter([1], [1, -0.9], noise(1))


def bursts() -> tuple[np.ndarray, np.ndarray]:
    """Half a second of noise, a pause of a half at -40 dB, and so on; the second cut 4 ms later."""
    beats = np.arange(SECONDS * RATE) / RATE * 2
    first, second = (np.where((beats + late) % 2 < 1, 0.1, 1e-3) for late in (0.5, 0.508))
    return first * noise(0), second * noise(1)


def dithered() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(SECONDS * RATE), STEP * noise(0)


def undithered() -> tuple[np.ndarray, np.ndarray]:
    return STEP * noise(0), np.zeros(SECONDS * RATE)


@pytest.fixture(params=DETECTORS.values(), ids=lambda detector: detector.name)
def detector(request):
    if not request.param.available:
        pytest.skip(f"{request.param.needs} is not installed")
    return request.param


@pytest.fixture
def listened(heard) -> Callable:
    """A pair, and its second sound as a stream that is as near to it as the contract of streams asks."""

    def make(reference: np.ndarray, generated: np.ndarray):
        boundaries = tuple(range(2560, len(generated), 2560))
        stream = generated + 5e-5 * np.random.default_rng(9).uniform(-1, 1, len(generated))
        return replace(heard(reference, generated), streamed=Streamed(generated, stream, boundaries))

    return make


def assert_faultless(found):
    assert found.events == ()
    assert not found.rate > 0  # NaN where it is undefined


@pytest.mark.parametrize(
    "pair", [sweeps, noises, bursts, dithered, undithered], ids=lambda pair: pair.__name__
)
def test_another_sound_of_the_same_kind_has_no_fault(detector, listened, pair):
    assert_faultless(detector(listened(*pair())))


def test_the_control_has_no_fault(detector, listened, recording):
    generated, rate = Rerecorded().generate(torch.from_numpy(recording), RATE)
    pair = align(torch.from_numpy(recording), generated, rate)
    assert_faultless(detector(listened(pair.reference, pair.generated)))


@pytest.mark.parametrize("pitch", [80.0, 130.0, 240.0])
def test_a_vowel_of_other_phases_noise_and_cut_has_no_fault(detector, listened, vowel, pitch):
    first, second = vowel(pitch), dispersed(vowel(pitch), RATE) + 1e-3 * noise(2)
    assert_faultless(detector(listened(first[500:-500], second[630:-370])))


def test_a_slight_noise_and_another_gain_are_no_fault(detector, listened, recording):
    slight = 1e-4 * np.random.default_rng(0).standard_normal(len(recording))
    assert_faultless(detector(listened(recording, 0.8 * recording + slight)))


def test_a_clip_too_short_has_neither_events_nor_a_rate(detector, heard):
    random = np.random.default_rng(0)
    found = detector(heard(0.1 * random.standard_normal(300), 0.1 * random.standard_normal(300)))
    assert found.events == ()
    assert np.isnan(found.rate)
