import numpy as np
import pytest

from vocoder.errors import AudioError, InputError
from vocoder.evaluation.mos import DNSMOS_RATE, dnsmos

pytestmark = pytest.mark.eval
SAMPLES = 19_200  # repeated to 9.6 s, which is one window of the model


@pytest.fixture(autouse=True)
def installed() -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("speechmos")


def test_equals_the_package_it_wraps(waves):
    from speechmos import dnsmos as package

    noisy = waves["sr16000_white20dB"][:SAMPLES]
    theirs = package.run(noisy, DNSMOS_RATE)
    expected = [theirs[f"{key}_mos"] for key in ("ovrl", "sig", "bak", "p808")]
    assert dnsmos(noisy) == pytest.approx(expected, abs=1e-4)


def test_falls_with_noise(waves):
    clean, noisy, noisier = (
        dnsmos(waves[f"sr16000_{name}"][:SAMPLES]) for name in ("ref", "white20dB", "white5dB")
    )
    assert clean.overall > noisy.overall > noisier.overall
    assert clean.background > noisy.background > noisier.background


def test_clips_what_overshoots(waves):
    speech = waves["sr16000_ref"][:SAMPLES]
    loud = 3 * speech / np.abs(speech).max()
    assert dnsmos(loud) == dnsmos(np.clip(loud, -1, 1))


def test_refuses_another_rate(waves):
    with pytest.raises(InputError, match="22050"):
        dnsmos(waves["sr22050_ref"], 22050)


def test_refuses_an_empty_clip():
    with pytest.raises(AudioError, match="empty"):
        dnsmos(np.empty(0))
