import librosa
import numpy as np
import pytest

from vocoder.errors import AudioError
from vocoder.evaluation.spectral import POWER_FLOOR, stft_distance


def by_librosa(
    reference: np.ndarray, generated: np.ndarray, n_fft: int, hop: int, window: int
) -> tuple[float, float]:
    r, g = (
        np.sqrt(
            np.maximum(
                np.abs(librosa.stft(y, n_fft=n_fft, hop_length=hop, win_length=window, pad_mode="reflect"))
                ** 2,
                POWER_FLOOR,
            )
        )
        for y in (reference, generated)
    )
    return np.linalg.norm(r - g) / np.linalg.norm(r), np.abs(np.log(r / g)).mean()


def test_is_the_mean_of_its_definition_over_resolutions(waves, degradation):
    pair = waves["sr22050_ref"], waves[f"sr22050_{degradation}"]
    resolutions = ((1024, 120, 600), (512, 50, 240))
    expected = np.mean([by_librosa(*pair, *resolution) for resolution in resolutions], axis=0)
    assert stft_distance(*pair, resolutions=resolutions) == pytest.approx(expected, rel=1e-9)


def test_is_zero_for_equal_signals(waves):
    assert stft_distance(waves["sr22050_ref"], waves["sr22050_ref"]) == (0.0, 0.0)


def test_is_deaf_to_the_sign(waves):
    assert stft_distance(waves["sr22050_ref"], -waves["sr22050_ref"]) == (0.0, 0.0)


def test_a_gain_costs_its_logarithm():
    noise = np.random.default_rng(0).normal(size=20_000)
    distance = stft_distance(noise, 2 * noise)
    assert distance == pytest.approx((1.0, np.log(2)), rel=1e-9)


def test_refuses_a_clip_shorter_than_its_window():
    with pytest.raises(AudioError, match="1025 samples"):
        stft_distance(np.ones(1000), np.ones(1000))


def test_refuses_a_silent_reference():
    with pytest.raises(AudioError, match="silent"):
        stft_distance(np.zeros(5000), np.ones(5000))
