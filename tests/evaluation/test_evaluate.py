import math

import pytest
import torch

from vocoder.errors import AudioError, InputError
from vocoder.evaluation import MEASURES, evaluate

RATE = 22_050
SAMPLES = 26_460  # repeated to 9.6 s, which is one window of DNSMOS
ALWAYS = ["stoi", "estoi", "stft_convergence", "stft_log_magnitude", "loudness_difference", "lag"]


def test_gives_the_named_measures(speech, noisy):
    assert list(evaluate(speech, noisy, RATE, ["estoi", "lag"])) == ["estoi", "lag"]


def test_by_default_gives_at_least_what_is_always_installed(speech, noisy):
    values = evaluate(speech[:SAMPLES], noisy[:SAMPLES], RATE)
    assert set(ALWAYS) <= set(values) <= set(MEASURES)
    assert all(math.isfinite(values[name]) for name in ALWAYS)


@pytest.mark.parametrize("samples", [300, 513, 4000])
def test_what_is_too_short_for_intelligibility_has_none(speech, samples):
    clip = speech[5000 : 5000 + samples]
    values = evaluate(clip, clip, RATE, ["stoi", "estoi", "stft_convergence"])
    assert math.isnan(values["stoi"])
    assert math.isnan(values["estoi"])


def test_the_recording_itself_is_perfect(speech):
    values = evaluate(speech, speech, RATE, ALWAYS)
    assert values == pytest.approx(
        {
            "stoi": 1,
            "estoi": 1,
            "stft_convergence": 0,
            "stft_log_magnitude": 0,
            "loudness_difference": 0,
            "lag": 0,
        },
        abs=1e-9,
    )


def test_neither_level_nor_a_short_delay_counts(speech, noisy):
    names = ["estoi", "stft_log_magnitude"]
    late = torch.nn.functional.pad(noisy / 3, (110, 0))
    expected = evaluate(speech, noisy, RATE, names)
    assert evaluate(speech, late, RATE, names) == pytest.approx(expected, abs=2e-3)


def test_equals_golden_through_the_whole_path(speech, noisy, scores):
    estoi = evaluate(speech, noisy, RATE, ["estoi"])["estoi"]
    assert estoi == pytest.approx(scores["white20dB"]["estoi_16k"], abs=1e-3)


@pytest.mark.eval
def test_pesq_equals_golden_through_the_whole_path(speech, noisy, scores):
    pytest.importorskip("pesq")
    pesq = evaluate(speech, noisy, RATE, ["pesq"])["pesq"]
    assert pesq == pytest.approx(scores["white20dB"]["pesq_wb_16k"], abs=0.02)


def test_a_measure_that_a_clip_does_not_define_is_nan(speech):
    short = speech[:3000]
    values = evaluate(short, short, RATE, ["estoi", "stft_convergence"])
    assert math.isnan(values["estoi"])
    assert values["stft_convergence"] == 0


def test_a_silent_voice_is_measured(speech):
    values = evaluate(speech, torch.zeros_like(speech), RATE, ["stft_convergence", "loudness_difference"])
    assert values["stft_convergence"] == pytest.approx(1, abs=0.01)
    assert math.isnan(values["loudness_difference"])


def test_a_voice_that_diverged_is_an_error(speech):
    with pytest.raises(AudioError, match="NaN"):
        evaluate(speech, speech * float("nan"), RATE)


def test_an_unknown_measure_is_an_error(speech):
    with pytest.raises(InputError, match="visqol"):
        evaluate(speech, speech, RATE, ["visqol"])


BEST = {"higher": 1.0, "lower": 0.0, "zero": 0.0}
PESQ_CEILING = 4.64
WITHOUT_REFERENCE = {"dnsmos", "dnsmos_signal", "dnsmos_background", "dnsmos_p808", "tones"}


def test_the_recording_against_itself_is_the_best_value_of_each_comparison(speech, noisy):
    itself, worse = (evaluate(speech, other, RATE) for other in (speech, noisy))
    for name in itself.keys() - WITHOUT_REFERENCE:
        best = PESQ_CEILING if name == "pesq" else BEST[MEASURES[name].better]
        assert itself[name] == pytest.approx(best, abs=5e-3), name
        assert abs(worse[name] - best) >= abs(itself[name] - best), name


def test_the_likelihood_belongs_to_no_pair(speech):
    assert evaluate(speech, speech, RATE, ["bits_per_sample"]) == {}
