"""Bits of a recording: those of the whole at any cut, exact where that is claimed, or refused."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vocoder.audio import read, resample
from vocoder.checkpoints import load
from vocoder.checkpoints.voices import SHIPPED
from vocoder.distributions import Logistic, Mixture
from vocoder.errors import AudioError, NoDensity
from vocoder.inference.scoring import Prepared, prepare, score, score_blocks
from vocoder.mel import DIALECTS, MelFrontend
from vocoder.models import Student, Teacher, Vocoder
from vocoder.models.autoregressive import PCM16

SPEECH = Path(__file__).parent.parent / "data" / "LJ001-0002.flac"


@pytest.fixture(scope="module")
def teacher(teacher_file: Path) -> Vocoder:
    return load(str(teacher_file))


@pytest.fixture(scope="module")
def audio() -> Tensor:
    return read(SPEECH)[0]


@pytest.fixture(scope="module")
def recording(teacher: Vocoder, audio: Tensor) -> Prepared:
    return prepare(audio[:20_000], 22050, teacher.mel_spec)


@pytest.mark.parametrize("window", [7, 32])
def test_windows_give_the_bits_of_the_whole(teacher: Vocoder, recording: Prepared, window: int) -> None:
    pieces = torch.cat(list(score_blocks(teacher, recording, window)))
    with torch.inference_mode():
        whole = teacher.score(recording.audio[None], recording.mel[None])[0]
    assert torch.allclose(pieces, whole, atol=1e-4)


@pytest.mark.parametrize("missing", [0, 1])
def test_without_what_lies_around_a_window_the_bits_are_others(
    teacher: Vocoder, recording: Prepared, monkeypatch: pytest.MonkeyPatch, missing: int
) -> None:
    whole = torch.cat(list(score_blocks(teacher, recording, 10**6)))
    reach = list(teacher.score_reach or ())
    reach[missing] = 0
    monkeypatch.setattr(type(teacher), "score_reach", tuple(reach))
    cut = torch.cat(list(score_blocks(teacher, recording, 16)))
    assert not torch.allclose(cut, whole, atol=1e-2)


def test_bits_are_those_of_the_probabilities_of_pcm(teacher: Teacher, recording: Prepared) -> None:
    """The probabilities of all values that a sample may have, given those before it, add up to 1."""
    sample = 5000
    audio = PCM16.centre(PCM16.index(recording.audio[None]))
    bits = teacher.score(audio, recording.mel[None])[0, sample]
    density = teacher.density(*teacher._cover(audio, recording.mel[None]))
    values = torch.arange(65536)[None]
    at_sample = Mixture(
        density.logits[..., sample : sample + 1].expand(-1, -1, 65536),
        Logistic(
            density.components.loc[..., sample : sample + 1],
            density.components.log_scale[..., sample : sample + 1].expand(-1, -1, 65536),
        ),
    )
    log_probs = at_sample.bin_log_prob(values, PCM16)[0]
    assert log_probs.double().exp().sum().item() == pytest.approx(1, abs=1e-4)
    own = log_probs[PCM16.index(audio)[0, sample]]
    assert bits.item() == pytest.approx(-own.item() / math.log(2), abs=1e-3)


def test_the_curve_is_the_mean_of_each_hop(teacher: Vocoder, recording: Prepared) -> None:
    cut = Prepared(recording.audio[: 20 * 256 + 100], recording.mel[:, :21])
    result = score(teacher, cut)
    assert (result.kind, result.sample_rate, result.hop_length) == ("exact", 22050, 256)
    assert result.curve.shape == (21,)
    assert result.curve[3].item() == pytest.approx(result.bits[768:1024].mean().item())
    assert result.curve[20].item() == pytest.approx(result.bits[-100:].mean().item())
    weights = torch.tensor([256.0] * 20 + [100.0])
    mean = (result.curve * weights).sum() / weights.sum()
    assert result.bits_per_sample == pytest.approx(mean.item(), abs=1e-4)


def test_the_mel_of_pieces_is_that_of_the_whole(audio: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    from vocoder.inference import scoring

    monkeypatch.setattr(scoring, "_ANALYSIS_SAMPLES", 5000)
    for name in ("nvidia", "hifigan", "vocos"):
        spec = DIALECTS[name]
        at_rate = resample(audio, 22050, spec.sample_rate)
        made = prepare(audio, 22050, spec)
        assert torch.allclose(made.mel, MelFrontend(spec)(at_rate), atol=1e-3)
        assert made.audio.numel() <= made.mel.shape[1] * spec.hop_length
        assert made.audio.numel() > at_rate.numel() - spec.hop_length


def test_too_little_audio_is_refused(teacher: Vocoder) -> None:
    with pytest.raises(AudioError, match=r"512 samples at 22050 Hz are too few.*at least 513"):
        prepare(torch.zeros(512), 22050, teacher.mel_spec)
    made = prepare(torch.zeros(513), 22050, teacher.mel_spec)
    assert math.isfinite(score(teacher, made).bits_per_sample)


def test_a_voice_without_figures_says_so(
    recording: Prepared, voices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Student, "score", Vocoder.score)
    with pytest.raises(NoDensity, match="another voice"):
        score(load("student"), recording)


def test_what_is_not_finite_is_refused(voices: Path, audio: Tensor) -> None:
    """The filters of this untrained voice are cut too short to be inverted."""
    student = load("student")
    with pytest.raises(NoDensity, match="not finite"):
        score(student, prepare(audio, 22050, student.mel_spec))


def test_a_density_is_its_logarithm_over_a_step_of_pcm(audio: Tensor) -> None:
    student = load(SHIPPED / "student.safetensors")
    made = prepare(audio[:10_000], 22050, student.mel_spec)
    result = score(student, made)
    nats = student.log_prob(made.audio[None], made.mel[None]).item() / made.audio.numel()
    assert result.kind == "density"
    assert result.bits_per_sample == pytest.approx(15 - nats / math.log(2), abs=1e-4)
