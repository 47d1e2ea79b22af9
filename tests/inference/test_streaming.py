"""A known mel in blocks: the very samples of the whole, an early first block, bounded later ones."""

import itertools

import pytest
import torch

from vocoder.checkpoints import load
from vocoder.errors import InputError, MelMismatch
from vocoder.inference.streaming import FIRST_FRAMES, LARGEST_FRAMES, block_sizes, fit_mel, synthesize_blocks
from vocoder.mel import DIALECTS, MelFrontend

NVIDIA = DIALECTS["nvidia"]


def noise_mel(spec, num_frames):
    audio = 0.1 * torch.randn((num_frames + 4) * spec.hop_length, generator=torch.Generator().manual_seed(0))
    return MelFrontend(spec)(audio)[:, :num_frames]


@pytest.mark.parametrize("num_frames", [1, 2, 9, 10, 11, 300])
@pytest.mark.parametrize("name", ["student", "wide"])
def test_blocks_join_to_the_whole(voices, name, num_frames):
    voice = load(name)
    mel = noise_mel(voice.mel_spec, num_frames)
    audio = torch.cat(list(synthesize_blocks(voice, mel, seed=5, temperature=0.7)))
    torch.testing.assert_close(audio, voice.synthesize(mel, seed=5, temperature=0.7), atol=1e-4, rtol=0)


@pytest.mark.parametrize("num_frames", [1, 13, 14, 1000])
@pytest.mark.parametrize("lookahead", [0, 5])
def test_block_sizes_cover_the_frames_and_stay_bounded(num_frames, lookahead):
    sizes = list(block_sizes(num_frames, lookahead))
    assert sum(sizes) == num_frames
    assert sizes[0] <= FIRST_FRAMES + lookahead
    assert max(sizes[1:], default=0) <= LARGEST_FRAMES
    assert all(later <= 2 * max(earlier, FIRST_FRAMES) for earlier, later in itertools.pairwise(sizes))


def test_the_first_block_is_audio(voices):
    voice = load("student")
    first = next(synthesize_blocks(voice, noise_mel(NVIDIA, 100)))
    assert first.numel() == FIRST_FRAMES * NVIDIA.hop_length


def test_a_mel_is_converted_where_that_is_exact():
    decimal = NVIDIA.model_copy(update={"log_base": "10"})
    mel = noise_mel(NVIDIA, 20)
    torch.testing.assert_close(fit_mel(noise_mel(decimal, 20), decimal, NVIDIA), mel, atol=1e-5, rtol=0)
    assert torch.equal(fit_mel(mel, None, NVIDIA), mel)


def test_a_mel_of_another_analysis_is_refused():
    with pytest.raises(MelMismatch, match="fmin"):
        fit_mel(noise_mel(DIALECTS["pwg-22k"], 20), DIALECTS["pwg-22k"], NVIDIA)


@pytest.mark.parametrize("mel", [torch.zeros(20, 80), torch.zeros(80, 0), torch.full((80, 20), float("nan"))])
def test_what_is_no_mel_is_refused(mel):
    with pytest.raises(InputError):
        fit_mel(mel, None, NVIDIA)
