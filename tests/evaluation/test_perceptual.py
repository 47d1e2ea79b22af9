import warnings

import numpy as np
import pytest

from vocoder.errors import AudioError, InputError
from vocoder.evaluation.perceptual import pesq_wb, stoi


@pytest.fixture
def pesq() -> None:
    pytest.importorskip("pesq")


@pytest.mark.eval
def test_pesq_equals_golden(pesq, waves, scores, degradation):
    score = pesq_wb(waves["sr16000_ref"], waves[f"sr16000_{degradation}"])
    assert score == pytest.approx(scores[degradation]["pesq_wb_16k"], abs=1e-5)


@pytest.mark.eval
def test_pesq_of_the_recording_itself_is_the_ceiling(pesq, waves, scores):
    assert pesq_wb(waves["sr16000_ref"], waves["sr16000_ref"]) == pytest.approx(
        scores["identical"]["pesq_wb_16k"], abs=1e-5
    )


@pytest.mark.eval
@pytest.mark.parametrize("samples", [0, 100])
def test_pesq_refuses_what_is_too_short(pesq, waves, samples):
    with pytest.raises(AudioError, match="PESQ"):
        pesq_wb(waves["sr16000_ref"][:samples], waves["sr16000_white5dB"][:samples])


@pytest.mark.eval
def test_pesq_refuses_silence(pesq, waves):
    with pytest.raises(AudioError, match="generated audio is all zeros"):
        pesq_wb(waves["sr16000_ref"], np.zeros_like(waves["sr16000_ref"]))


def test_pesq_refuses_another_rate(waves):
    with pytest.raises(InputError, match="22050"):
        pesq_wb(waves["sr22050_ref"], waves["sr22050_white5dB"], 22050)


@pytest.mark.parametrize(("rate", "label"), [(16000, "16k"), (22050, "22k")])
@pytest.mark.parametrize(("extended", "name"), [(False, "stoi"), (True, "estoi")])
def test_stoi_equals_golden(waves, scores, degradation, rate, label, extended, name):
    score = stoi(waves[f"sr{rate}_ref"], waves[f"sr{rate}_{degradation}"], rate, extended=extended)
    assert score == pytest.approx(scores[degradation][f"{name}_{label}"], abs=1e-6)


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("samples", [1, 100, 400, 500, 4000])  # none, or few, of pystoi's frames of 25.6 ms
def test_stoi_refuses_what_is_too_short(waves, samples, extended):
    clip = waves["sr16000_ref"][8000 : 8000 + samples]
    with pytest.raises(AudioError, match=r"0\.4 s of speech"):
        stoi(clip, clip, 16000, extended=extended)


def test_stoi_explains_no_other_warning_by_the_length(waves, monkeypatch):
    def warn(*_, **__):
        warnings.warn("overflow", RuntimeWarning, stacklevel=1)
        return 0.5

    monkeypatch.setattr("pystoi.stoi", warn)
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert stoi(waves["sr16000_ref"], waves["sr16000_ref"], 16000) == 0.5


def test_stoi_refuses_a_silent_reference(waves):
    with pytest.raises(AudioError, match="reference audio is all zeros"):
        stoi(np.zeros(16000), waves["sr16000_ref"][:16000], 16000)
