import numpy as np
import pytest

from vocoder.evaluation.loudness import k_weighting, loudness


def sine(rate: int, hertz: float = 997.0, seconds: float = 2.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


def test_filters_are_the_tables_of_the_standard_at_48_khz():
    (shelf, shelf_poles), (high_pass, high_pass_poles) = k_weighting(48_000)
    np.testing.assert_allclose(shelf, [1.53512485958697, -2.69169618940638, 1.19839281085285], atol=1e-10)
    np.testing.assert_allclose(shelf_poles, [1, -1.69065929318241, 0.73248077421585], atol=1e-10)
    np.testing.assert_allclose(high_pass, [1, -2, 1])
    np.testing.assert_allclose(high_pass_poles, [1, -1.99004745483398, 0.99007225036621], atol=1e-10)


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 48_000])
def test_a_full_scale_sine_reads_minus_3_01(rate):
    assert loudness(sine(rate), rate) == pytest.approx(-3.01, abs=0.05)


def test_follows_the_gain(waves):
    speech = waves["sr22050_ref"]
    assert loudness(speech / 2, 22050) == pytest.approx(loudness(speech, 22050) - 20 * np.log10(2), abs=1e-6)


def test_gates_silence():
    tone = sine(24_000, seconds=12)
    with_pause = np.concatenate([tone, np.zeros(len(tone))])
    assert loudness(with_pause, 24_000) == pytest.approx(loudness(tone, 24_000), abs=0.1)


def test_gates_what_is_far_below_the_mean():
    tone = sine(48_000, seconds=5)
    with_murmur = np.concatenate([tone, 0.03 * tone])
    assert loudness(with_murmur, 48_000) == pytest.approx(loudness(tone, 48_000), abs=0.2)


@pytest.mark.parametrize("samples", [0, 10, 22050])
def test_silence_has_none(samples):
    assert loudness(np.zeros(samples), 22050) == -np.inf


def test_a_clip_shorter_than_a_block_is_one_block():
    assert loudness(sine(48_000)[:9600], 48_000) == pytest.approx(-3.01, abs=0.1)
