"""Sounds of which it is known where the fault is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vocoder.audio import read
from vocoder.evaluation.alignment import Pair
from vocoder.evaluation.faults import Heard

RATE = 22_050
DATA = Path(__file__).parents[2] / "data"
RECORDINGS = ("LJ001-0002", "LJ002-0020")


@pytest.fixture(scope="session")
def heard() -> Callable[..., Heard]:
    """A pair that is in step already; the second is the first if not given."""

    def make(reference: np.ndarray, generated: np.ndarray | None = None) -> Heard:
        return Heard(Pair(reference, reference if generated is None else generated, RATE, 0, 0.0))

    return make


@pytest.fixture(scope="session", params=RECORDINGS)
def recording(request: pytest.FixtureRequest) -> np.ndarray:
    audio, rate = read(DATA / f"{request.param}.flac")
    assert rate == RATE
    return audio.double().numpy()


@pytest.fixture(scope="session")
def noise() -> np.ndarray:
    """Four seconds of white noise, -40 dB of full scale."""
    return 0.01 * np.random.default_rng(0).standard_normal(4 * RATE)


@pytest.fixture(scope="session")
def vowel() -> Callable[[float], np.ndarray]:
    """Three seconds of pulses at a pitch in Hz, through one resonance at 700 Hz, with a little noise."""
    from scipy.signal import lfilter

    def make(pitch: float) -> np.ndarray:
        phase = np.arange(3 * RATE) * pitch / RATE
        pulses = np.diff(np.floor(phase), prepend=-1)
        radius, angle = np.exp(-np.pi * 200 / RATE), 2 * np.pi * 700 / RATE
        wave = lfilter([0.1], [1, -2 * radius * np.cos(angle), radius**2], pulses)
        return wave + 1e-3 * np.random.default_rng(1).standard_normal(len(wave))

    return make
