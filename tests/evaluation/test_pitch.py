import numpy as np
import pytest

from vocoder.errors import AudioError, InputError
from vocoder.evaluation.pitch import CENTS_PER_NAT, f0_track, pitch_error


@pytest.mark.eval
@pytest.mark.parametrize("name", ["ref", "white20dB", "white5dB", "lowpass2500"])
def test_track_equals_golden(waves, tracks, name):
    pytest.importorskip("pyworld")
    np.testing.assert_allclose(
        f0_track(waves[f"sr22050_{name}"], 22050), tracks[f"f0_harvest_{name}"], atol=1e-6
    )


def test_errors_equal_golden(tracks, scores, degradation):
    expected = scores[degradation]
    error = pitch_error(tracks["f0_harvest_ref"], tracks[f"f0_harvest_{degradation}"])
    assert error.rmse_hz == pytest.approx(expected["f0_harvest_rmse_hz_both_voiced"], rel=1e-9)
    assert error.rmse_cents == pytest.approx(CENTS_PER_NAT * expected["f0_harvest_log_rmse"], rel=1e-9)
    assert error.voicing_error == pytest.approx(expected["f0_vuv_error_rate"], rel=1e-9)


def test_a_semitone_is_a_hundred_cents():
    melody = np.array([0.0, 110.0, 123.0, 140.0, 0.0])
    error = pitch_error(melody, melody * 2 ** (1 / 12))
    assert error.rmse_cents == pytest.approx(100)
    assert error.log_correlation == pytest.approx(1)
    assert error.voicing_error == 0


def test_correlation_is_numpys(tracks):
    a, b = tracks["f0_harvest_ref"], tracks["f0_harvest_white5dB"]
    both = (a > 0) & (b > 0)
    expected = np.corrcoef(np.log(a[both]), np.log(b[both]))[0, 1]
    assert pitch_error(a, b).log_correlation == pytest.approx(expected, rel=1e-9)


def test_without_common_voiced_frames_only_the_voicing_error_is_defined():
    error = pitch_error(np.array([100.0, 0.0]), np.array([0.0, 0.0]))
    assert error.voicing_error == 0.5
    assert np.isnan([error.rmse_hz, error.rmse_cents, error.log_correlation]).all()


def test_unequal_tracks_are_refused():
    with pytest.raises(InputError, match="3 and 2 frames"):
        pitch_error(np.ones(3), np.ones(2))


def test_an_empty_clip_is_refused():
    with pytest.raises(AudioError, match="empty"):
        f0_track(np.empty(0), 22050)
