import numpy as np
import pytest

from vocoder.errors import AudioError, InputError
from vocoder.evaluation.periodicity import BLOCK, periodicity, periodicity_error

RATE = 22_050
SECONDS = 2


def tone_in_noise(share: float, hertz: float = 200.0, seed: int = 0) -> np.ndarray:
    """Power 1, of which a sine has `share` and white noise the rest."""
    t = np.arange(SECONDS * RATE) / RATE
    noise = np.random.default_rng(seed).standard_normal(len(t))
    return np.sqrt(2 * share) * np.sin(2 * np.pi * hertz * t) + np.sqrt(1 - share) * noise


@pytest.mark.parametrize("hertz", [80, 123.4, 431.7, 790])
@pytest.mark.parametrize("share", [1.0, 0.9, 0.5])
def test_is_the_tones_share_of_the_power(hertz, share):
    assert periodicity(tone_in_noise(share, hertz), RATE).mean() == pytest.approx(share, abs=0.05)


def test_a_known_change_from_tone_to_noise_is_the_error():
    before, after = (periodicity(tone_in_noise(share), RATE) for share in (0.9, 0.5))
    assert periodicity_error(before, after) == pytest.approx(0.4, abs=0.05)


def test_noise_has_next_to_none():
    assert periodicity(tone_in_noise(0.0), RATE).mean() < 0.15


def test_neither_level_nor_rate_counts():
    tone = tone_in_noise(1.0)
    np.testing.assert_allclose(periodicity(0.01 * tone, RATE), periodicity(tone, RATE), atol=1e-9)
    assert periodicity(tone, RATE // 2).mean() == pytest.approx(1, abs=0.01)


def test_silence_has_none_and_what_is_far_below_the_loudest_hardly_any():
    tone = tone_in_noise(1.0)
    assert not periodicity(np.zeros(RATE), RATE).any()
    faint = periodicity(np.concatenate([tone, 10 ** (-90 / 20) * tone]), RATE)
    assert faint[: len(faint) // 3].min() > 0.99
    assert faint[-len(faint) // 3 :].max() < 0.01


def test_blocks_do_not_show():
    tone = tone_in_noise(0.7)
    whole = periodicity(np.concatenate([tone, tone]), RATE)
    assert len(whole) > BLOCK
    np.testing.assert_allclose(periodicity(tone, RATE), whole[: len(periodicity(tone, RATE))], atol=1e-6)


def test_grows_with_noise_on_speech(waves):
    reference, little, much = (
        periodicity(waves[f"sr22050_{name}"], RATE) for name in ("ref", "white20dB", "white5dB")
    )
    assert periodicity_error(reference, reference) == 0
    assert 0 < periodicity_error(reference, little) < periodicity_error(reference, much)


def test_less_than_a_frame_is_refused():
    with pytest.raises(AudioError, match="100 came"):
        periodicity(np.ones(100), RATE)


def test_unequal_tracks_are_refused():
    with pytest.raises(InputError, match="3 and 2 frames"):
        periodicity_error(np.ones(3), np.ones(2))
