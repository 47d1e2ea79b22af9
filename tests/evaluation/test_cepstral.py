import numpy as np
import pytest

from vocoder.errors import AudioError, InputError
from vocoder.evaluation.cepstral import frequency_warping, mel_cepstral_distortion, mel_cepstrum


@pytest.mark.parametrize(("include_c0", "key"), [(True, "with"), (False, "without")])
def test_distortion_equals_golden_on_golden_cepstra(tracks, scores, degradation, include_c0, key):
    distortion = mel_cepstral_distortion(
        tracks["mcep_ref"], tracks[f"mcep_{degradation}"], include_c0=include_c0
    )
    assert distortion == pytest.approx(scores[degradation][f"mcd_plain_{key}_c0_dB"], rel=1e-6)


@pytest.mark.eval
def test_recipe_equals_pymcd(waves, scores, degradation):
    pytest.importorskip("pyworld")
    cepstra = [mel_cepstrum(waves[f"sr22050_{name}"], 22050) for name in ("ref", degradation)]
    assert mel_cepstral_distortion(*cepstra) == pytest.approx(scores[degradation]["pymcd_plain_dB"], rel=1e-9)


@pytest.mark.eval
@pytest.mark.parametrize("degradation", ["white20dB", "lowpass2500"])
def test_recipe_with_time_warping_equals_pymcd(waves, scores, degradation):
    # At 5 dB pymcd's approximate search (fastdtw, radius 1) misses the cheapest path, which is found here.
    pytest.importorskip("pyworld")
    cepstra = [mel_cepstrum(waves[f"sr22050_{name}"], 22050) for name in ("ref", degradation)]
    distortion = mel_cepstral_distortion(*cepstra, warp_time=True)
    assert distortion == pytest.approx(scores[degradation]["pymcd_dtw_dB"], rel=1e-9)


def test_time_warping_forgives_a_stretch(tracks):
    slow = np.repeat(tracks["mcep_ref"], 2, axis=0)
    assert mel_cepstral_distortion(tracks["mcep_ref"], slow, warp_time=True) == 0


def test_unequal_lengths_are_refused_unless_time_is_warped(tracks):
    with pytest.raises(InputError, match="warp_time"):
        mel_cepstral_distortion(tracks["mcep_ref"], tracks["mcep_ref"][1:])


def test_warping_bends_the_frequency_axis():
    # A cepstrum is a series of cosines in ω; warped, it has the same values at the all-pass's phase of ω.
    alpha, order, warped_order = 0.4, 5, 120
    cepstrum = np.random.default_rng(0).normal(size=order + 1)
    omega = np.linspace(0, np.pi, 50)
    unit = np.exp(-1j * omega)
    phase = -np.angle((unit - alpha) / (1 - alpha * unit))
    before = np.cos(np.outer(omega, np.arange(order + 1))) @ cepstrum
    after = np.cos(np.outer(phase, np.arange(warped_order + 1))) @ (
        cepstrum @ frequency_warping(order, warped_order, alpha)
    )
    np.testing.assert_allclose(after, before, atol=1e-12)


def test_another_rate_is_refused():
    with pytest.raises(InputError, match="16000"):
        mel_cepstrum(np.ones(16000), 16000)


def test_an_empty_clip_is_refused():
    with pytest.raises(AudioError, match="empty"):
        mel_cepstrum(np.empty(0), 22050)
