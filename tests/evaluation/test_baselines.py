import sys

import numpy as np
import pytest
import torch

from vocoder.audio import resample
from vocoder.errors import AudioError, ConfigError, MissingExtra
from vocoder.evaluation import BASELINES, GriffinLim, Recording, World, baseline, evaluate
from vocoder.evaluation.baselines import magnitudes
from vocoder.evaluation.pitch import f0_track
from vocoder.mel import DIALECTS, MelFrontend, expand

RATE = 22_050


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_griffin_lim_is_intelligible_from_every_dialect(speech, name):
    generated, rate = GriffinLim(DIALECTS[name], iterations=8).generate(speech, RATE)
    assert evaluate(resample(speech, RATE, rate), generated, rate, ["estoi"])["estoi"] > 0.8


def test_griffin_lim_undoes_statistics_and_pre_emphasis(speech):
    plain = DIALECTS["nvidia"]
    statistics = {"mean": (-5.0,) * 80, "std": (2.0,) * 80}
    spec = plain.model_copy(update={"pre_emphasis": 0.9, **statistics})
    generated, _ = GriffinLim(spec, iterations=8).generate(speech, RATE)
    values = evaluate(speech, generated, RATE, ["estoi", "stft_log_magnitude"])
    reference, _ = GriffinLim(plain, iterations=8).generate(speech, RATE)
    expected = evaluate(speech, reference, RATE, ["estoi", "stft_log_magnitude"])
    assert values["estoi"] > expected["estoi"] - 0.05
    assert values["stft_log_magnitude"] < expected["stft_log_magnitude"] + 0.2


def test_griffin_lim_makes_a_hop_of_samples_for_each_frame(speech):
    mel = MelFrontend(DIALECTS["hifigan"])(speech)
    assert GriffinLim(DIALECTS["hifigan"], iterations=1).synthesize(mel).shape == (256 * mel.shape[1],)


def test_griffin_lim_depends_on_the_seed_alone(speech):
    system = GriffinLim(iterations=2)
    mel = MelFrontend(system.spec)(speech)
    assert torch.equal(system.synthesize(mel, seed=3), system.synthesize(mel, seed=3))
    assert not torch.equal(system.synthesize(mel, seed=3), system.synthesize(mel, seed=4))


def test_more_iterations_bring_the_spectrum_closer(speech):
    few, many = (
        evaluate(speech, GriffinLim(iterations=n).generate(speech, RATE)[0], RATE, ["stft_convergence"])
        for n in (2, 60)
    )
    assert many["stft_convergence"] < few["stft_convergence"]


def test_magnitudes_have_the_mel_they_came_from(speech):
    spec = DIALECTS["nvidia"]
    frontend = MelFrontend(spec)
    mel = frontend(speech)
    again = frontend.filterbank.double().numpy() @ magnitudes(mel, spec)
    energies = expand(mel, spec).double().numpy()
    assert np.linalg.norm(again - energies) < 0.05 * np.linalg.norm(energies)


def test_the_recording_is_itself(speech):
    assert Recording().generate(speech, RATE) == (speech, RATE)


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_are_found_by_name(name):
    assert baseline(name).name == name


def test_an_unknown_baseline_lists_the_known():
    with pytest.raises(ConfigError, match=r"'straight'.*recording, griffin-lim, world"):
        baseline("straight")


@pytest.mark.eval
def test_world_keeps_length_and_words(speech):
    pytest.importorskip("pyworld")
    generated, rate = baseline("world").generate(speech, RATE)
    assert (generated.shape, rate) == (speech.shape, RATE)
    assert evaluate(speech, generated, RATE, ["estoi"])["estoi"] > 0.9


@pytest.mark.eval
def test_world_keeps_the_pitch():
    pytest.importorskip("pyworld")
    phase = 2 * torch.pi * 150 * torch.arange(RATE) / RATE
    buzz = sum(torch.sin(k * phase) / (20 * k) for k in range(1, 30))
    generated, _ = World().generate(buzz, RATE)
    f0 = f0_track(generated.numpy(), RATE)[20:-20]
    assert f0 == pytest.approx(150, rel=0.005)


@pytest.mark.eval
def test_world_refuses_an_empty_clip():
    pytest.importorskip("pyworld")
    with pytest.raises(AudioError, match="empty"):
        World().generate(torch.empty(0), RATE)


def test_world_without_its_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyworld", None)
    with pytest.raises(MissingExtra, match=r"world needs.*vocoder\[eval\]"):
        baseline("world")
