"""A corrected voice is a vocoder as any other, and nearer to its mel."""

from pathlib import Path

import pytest
import torch

from vocoder.audio import read
from vocoder.checkpoints import load, load_checkpoint, read_info, rewrite_checkpoint, voice_path
from vocoder.inference.bounded import bounded
from vocoder.inference.stacking import layout, stack, unstack
from vocoder.mel import MelFrontend
from vocoder.models import Corrected, Vocoder, corrected, uncorrected
from vocoder.models.corrected import passes, with_passes
from vocoder.samples import SAMPLES


@pytest.fixture(scope="module")
def voice() -> Vocoder:
    return load("student-linear", correction=2)


@pytest.fixture(scope="module")
def mel(voice: Vocoder) -> torch.Tensor:
    audio = read(next(iter(SAMPLES.values())), sample_rate=voice.sample_rate)[0]
    return MelFrontend(voice.mel_spec)(audio)[:, 40:140]


def test_its_audio_has_more_nearly_the_mel_that_was_asked_for(voice: Vocoder, mel: torch.Tensor) -> None:
    def distance(speaker: Vocoder) -> float:
        heard = MelFrontend(speaker.mel_spec)(speaker.synthesize(mel))[:, : mel.shape[1]]
        return float((heard - mel).abs().mean())

    assert distance(voice) < 0.5 * distance(uncorrected(voice))


@pytest.mark.parametrize("frames", [1, 7])
def test_a_stream_is_the_whole(voice: Vocoder, mel: torch.Tensor, frames: int) -> None:
    stream = voice.open_stream(seed=3)
    parts = [stream.push(part) for part in mel.split(frames, dim=1)]
    made = torch.cat([*parts, stream.finish()])
    assert (made - voice.synthesize(mel, seed=3)).abs().max() < 1e-5
    first = next(i for i, part in enumerate(parts) if len(part))
    assert first * frames <= voice.lookahead_frames < (first + 1) * frames + frames


def test_streams_of_a_batch_are_streams_alone(voice: Vocoder, mel: torch.Tensor) -> None:
    """As the engine makes them: begun at different times, joined on the way."""
    alone, other = (voice.start([seed], 0.65) for seed in (1, 2))
    _, alone = voice.advance(mel[None, :, :30], alone, last=False)
    _, other = voice.advance(mel[None, :, 10:40], other, last=False)
    assert layout(alone) == layout(other)
    together = torch.stack([mel[:, 30:50], mel[:, 40:60]])
    audio, state = voice.advance(together, stack([alone, other]), last=False)
    expected, after = voice.advance(together[:1], alone, last=False)
    assert torch.allclose(audio[:1], expected, atol=1e-5)
    assert layout(unstack(state, 1)[0]) == layout(after)


def test_the_density_is_the_voice_s_own(voice: Vocoder, mel: torch.Tensor) -> None:
    audio = 0.01 * torch.randn(1, 512)
    own = uncorrected(voice)
    assert torch.equal(voice.log_prob(audio, mel[None, :, :2]), own.log_prob(audio, mel[None, :, :2]))
    assert (voice.kind, voice.likelihood) == (own.kind, own.likelihood)
    assert voice.score_reach == own.score_reach


def test_less_look_ahead_than_correction_waits_for_is_the_voice_itself(voice: Vocoder) -> None:
    own = uncorrected(voice)
    assert bounded(voice, voice.lookahead_frames) is voice
    assert bounded(voice, voice.lookahead_frames - 1) is own
    assert bounded(voice, own.lookahead_frames) is own


def test_a_checkpoint_says_how_its_voice_is_corrected(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    rewrite_checkpoint(voice_path("student-linear"), path, correction=1)
    assert read_info(path).correction == 1
    assert passes(load(path)) == 1
    assert passes(load(path, correction=3)) == 3
    assert not isinstance(load(path, correction=0), Corrected)
    assert not isinstance(load_checkpoint(path), Corrected)


def test_other_passes_share_the_voice(voice: Vocoder) -> None:
    assert with_passes(voice, None) is voice
    assert with_passes(voice, 2) is voice
    assert with_passes(voice, 0) is uncorrected(voice)
    one = with_passes(voice, 1)
    assert passes(one) == 1
    assert uncorrected(one) is uncorrected(voice)
    assert with_passes(voice, 1) is one
    assert corrected(one, 0) is one


def test_a_voice_loaded_in_inference_mode_speaks(mel: torch.Tensor) -> None:
    with torch.inference_mode():
        voice = load("student")
        said = voice.synthesize(mel[:, :10])
    assert torch.equal(said, voice.synthesize(mel[:, :10]))
