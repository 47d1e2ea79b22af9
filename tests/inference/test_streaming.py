"""A known mel in blocks: the very samples of the whole, an early first block, bounded later ones."""

import itertools

import pytest
import torch

from vocoder.checkpoints import load
from vocoder.inference.streaming import FIRST_FRAMES, LARGEST_FRAMES, block_sizes, synthesize_blocks
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
