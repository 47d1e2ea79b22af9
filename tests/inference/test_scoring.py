"""Bits of a recording: those of the whole at any cut, exact where that is claimed, and refused where they make none."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vocoder.audio import read, resample
from vocoder.checkpoints import load
from vocoder.errors import AudioError, NoDensity
from vocoder.inference.scoring import Prepared, prepare, score, score_blocks
from vocoder.mel import DIALECTS, MelFrontend
from vocoder.models import Student, Teacher, Vocoder
from vocoder.models.teacher import PCM16

SPEECH = Path(__file__).parent.parent / "data" / "LJ001-0002.flac"


@pytest.fixture(scope="module")
def teacher(teacher_file: Path) -> Vocoder:
    return load(str(teacher_file))


@pytest.fixture(scope="module")
def audio() -> Tensor:
    return read(SPEECH)[0]


@pytest.fixture(scope="module")
def recording(teacher: Vocoder, audio: Tensor) -> Prepared:
    return prepare(audio, 22050, teacher.mel_spec)


@pytest.mark.parametrize("window", [1, 16, 40, 100])
def test_windows_give_the_bits_of_the_whole(teacher: Vocoder, recording: Prepared, window: int) -> None:
    pieces = torch.cat(list(score_blocks(teacher, recording, window)))
    with torch.inference_mode():
        whole = teacher.score(recording.audio[None], recording.mel[None])[0]
    assert torch.allclose(pieces, whole, atol=1e-4)


def test_one_frame_less_reach_would_not_do(
    teacher: Vocoder, recording: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reach is not merely large: without the audio that filter and WaveNet see, the bits are others."""
    before, after = teacher.score_reach or (0, 0)
    whole = torch.cat(list(score_blocks(teacher, recording, 10**6)))
    for reach in ((teacher.left_context, after), (before, after - 1)):  # type: ignore[operator]
        monkeypatch.setattr(type(teacher), "score_reach", reach)
        cut = torch.cat(list(score_blocks(teacher, recording, 16)))
        assert not torch.allclose(cut, whole, atol=1e-3)


def test_bits_are_those_of_the_probabilities_of_pcm(teacher: Teacher, recording: Prepared) -> None:
    """For one sample, 2^-bits over all 65,536 values adds up to 1."""
    padded, conditions = teacher._cover(PCM16.centre(PCM16.index(recording.audio[None])), recording.mel[None])
    density = teacher._density(padded, conditions)
    everything = torch.arange(65536)[None, :, None].expand(1, -1, padded.shape[1])[..., 5000:5001]
    one = type(density)(density.logits[..., 5000:5001], _slice(density.components, 5000))
    total = torch.logsumexp(
        torch.stack([one.bin_log_prob(everything[:, i], PCM16) for i in range(65536)]).double(), dim=0
    )
    assert total.item() == pytest.approx(0, abs=1e-4)


def _slice(components, t: int):
    return type(components)(components.loc[..., t : t + 1], components.log_scale[..., t : t + 1])


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
    with pytest.raises(AudioError, match="512 samples at 22050 Hz are too few.*at least 513"):
        prepare(torch.zeros(512), 22050, teacher.mel_spec)
    made = prepare(torch.zeros(513), 22050, teacher.mel_spec)
    assert math.isfinite(score(teacher, made).bits_per_sample)


def test_a_voice_without_figures_says_so(
    recording: Prepared, voices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Student, "score", Vocoder.score)
    with pytest.raises(NoDensity, match="another voice"):
        score(load("student"), recording)
