"""Errors land in the class of sounds where they were made."""

from pathlib import Path

import numpy as np
import pytest

from vocoder.evaluation.alignment import Pair
from vocoder.evaluation.manifest import Clip
from vocoder.evaluation.parity.by_sound import errors_by_class
from vocoder.evaluation.parity.sounds import Voicing
from vocoder.evaluation.parity.spectra import spectra_of

RATE = 22_050
CLASSES = Voicing.classes


def sound(gains_db: dict[str, float] | None = None) -> np.ndarray:
    """A second each of faint noise, of noise and of a buzz at 150 Hz, each with its gain."""
    rng, seconds = np.random.default_rng(0), np.arange(RATE) / RATE
    parts = {
        "silence": 1e-4 * rng.standard_normal(RATE),
        "unvoiced": 0.03 * rng.standard_normal(RATE),
        "voiced": 0.02 * sum(np.sin(2 * np.pi * 150 * k * seconds) for k in range(1, 60)),
    }
    gains = gains_db or {}
    return np.concatenate([part * 10 ** (gains.get(name, 0.0) / 20) for name, part in parts.items()])


def pair(generated: np.ndarray) -> Pair:
    return Pair(sound(), generated, RATE, 0, 0.0)


def labels(seconds: np.ndarray) -> np.ndarray:
    found = Voicing().label(Clip("", Path(__file__)), sound(), RATE, seconds)
    assert found is not None
    return found


def test_the_three_parts_are_heard_as_what_they_are() -> None:
    middles = np.array([0.5, 1.5, 2.5])
    assert [CLASSES[i] for i in labels(middles)] == ["silence", "unvoiced", "voiced"]


def test_classes_partition_all_frames() -> None:
    spectra = spectra_of(pair(sound()), RATE / 2)
    errors = errors_by_class(spectra, labels(spectra.seconds), CLASSES)
    assert sum(error.frames for error in errors.values()) == spectra.reference.shape[1]
    assert all(error.frames > 0 for error in errors.values())


def test_the_recording_is_at_no_distance_from_itself() -> None:
    spectra = spectra_of(pair(sound()), RATE / 2)
    for error in errors_by_class(spectra, labels(spectra.seconds), CLASSES).values():
        assert (error.distance, error.level) == (0.0, 0.0)


@pytest.mark.parametrize("name", ["unvoiced", "voiced"])
@pytest.mark.parametrize("gain", [-4.0, 3.0])
def test_a_gain_in_one_class_shows_in_that_class_alone(name: str, gain: float) -> None:
    spectra = spectra_of(pair(sound({name: gain})), RATE / 2)
    errors = errors_by_class(spectra, labels(spectra.seconds), CLASSES)
    assert errors[name].level == pytest.approx(gain, abs=0.1)
    for other in set(CLASSES) - {name}:
        assert errors[other].level == pytest.approx(0.0, abs=0.1)  # frames across a bound hear both
        assert errors[other].distance < 0.1


def test_the_level_that_alignment_took_is_given_back() -> None:
    levelled = Pair(sound(), sound(), RATE, 0, 2.0)
    spectra = spectra_of(levelled, RATE / 2)
    errors = errors_by_class(spectra, labels(spectra.seconds), CLASSES)
    assert errors["voiced"].level == pytest.approx(2.0, abs=0.01)


def test_a_class_without_frames_has_no_error() -> None:
    spectra = spectra_of(pair(sound()), RATE / 2)
    error = errors_by_class(spectra, np.zeros(len(spectra.seconds), dtype=int), CLASSES)["voiced"]
    assert error.frames == 0
    assert np.isnan([error.distance, error.level]).all()


def test_frames_of_a_voice_that_comes_early_keep_the_recordings_time() -> None:
    early = Pair(sound()[441:], sound()[441:], RATE, -441, 0.0)
    first = spectra_of(early, RATE / 2).seconds[0] - spectra_of(pair(sound()), RATE / 2).seconds[0]
    assert first == pytest.approx(0.02)
