import numpy as np
import pytest
import torch

from vocoder.errors import AudioError
from vocoder.evaluation import GriffinLim
from vocoder.evaluation.alignment import align
from vocoder.evaluation.loudness import loudness
from vocoder.mel import DIALECTS, MelFrontend

RATE = 22_050


@pytest.mark.parametrize("milliseconds", [-20, -7, 0, 3, 20])
def test_finds_the_lag_of_noisy_speech_of_opposite_sign(speech, noisy, milliseconds):
    lag = milliseconds * 22
    delayed = -(torch.nn.functional.pad(noisy, (lag, 0)) if lag >= 0 else noisy[-lag:])
    assert align(speech, delayed, RATE).lag == lag


@pytest.mark.parametrize("dialect", ["nvidia", "hifigan"])
def test_speech_with_another_phase_needs_no_shift(speech, dialect):
    spec = DIALECTS[dialect]
    generated = GriffinLim(spec, iterations=30).synthesize(MelFrontend(spec)(speech))
    assert align(speech, generated, RATE).lag == 0


def test_takes_the_lag_out(speech):
    pair = align(speech, torch.nn.functional.pad(speech, (220, 0)), RATE)
    np.testing.assert_allclose(pair.generated, pair.reference, atol=1e-9)


def test_takes_the_level_out_and_says_what_it_was(speech, noisy):
    pair = align(speech, noisy / 2, RATE)
    expected = loudness(noisy.double().numpy() / 2, RATE) - loudness(speech.double().numpy(), RATE)
    assert pair.loudness_difference == pytest.approx(expected, abs=1e-9)
    assert loudness(pair.generated, RATE) == pytest.approx(loudness(pair.reference, RATE), abs=1e-6)


def test_cuts_both_to_what_they_share(speech):
    pair = align(speech, torch.nn.functional.pad(speech, (0, 255)), RATE)
    assert len(pair.reference) == len(pair.generated) == len(speech)


def test_silence_keeps_its_level(speech):
    pair = align(speech, torch.zeros_like(speech), RATE)
    assert not pair.generated.any()
    assert np.isnan(pair.loudness_difference)
    assert pair.lag == 0


def test_other_rates_have_the_same_duration(speech, noisy):
    reference, generated = align(speech, noisy, RATE).at(16_000)
    assert len(reference) == len(generated) == pytest.approx(len(speech) * 16_000 / RATE, abs=1)


def test_another_length_is_another_utterance(speech):
    with pytest.raises(AudioError, match=r"2\.10 s.*1\.05 s"):
        align(speech, speech[: len(speech) // 2], RATE)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused(speech, value):
    broken = speech.clone()
    broken[100] = value
    with pytest.raises(AudioError, match="generated audio has NaN or infinite"):
        align(speech, broken, RATE)


def test_what_is_empty_is_refused(speech):
    with pytest.raises(AudioError, match="reference audio is empty"):
        align(torch.empty(0), speech, RATE)
