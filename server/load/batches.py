"""What a batch saves: B blocks in one call against B calls, on one thread."""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch

from vocoder.mel import silence
from vocoder.models import Vocoder


class Gain(NamedTuple):
    """Milliseconds of processor time, the least of the runs."""

    frames: int
    batch: int
    single_ms: float
    batch_ms: float
    gain: float  # how many times less the batch takes than its blocks one by one


def measure_batches(
    voice: Vocoder, frames: Sequence[int], batches: Sequence[int], runs: int = 6
) -> Iterator[Gain]:
    """Blocks of `frames` frames in the middle of utterances, in batches of each size."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    for block in frames:
        single = _milliseconds(voice, block, 1, runs)
        for batch in batches:
            together = _milliseconds(voice, block, batch, runs)
            yield Gain(block, batch, single, together, batch * single / together)
    torch.set_num_threads(before)


@torch.inference_mode()
def _milliseconds(voice: Vocoder, block: int, batch: int, runs: int) -> float:
    floor = silence(voice.mel_spec)
    generator = torch.Generator().manual_seed(0)
    size = batch, voice.mel_spec.num_mels, voice.lookahead_frames + 8 + block * (runs + 1)
    mel = (floor + 0.5 * floor.abs() * torch.rand(size, generator=generator)).to(voice.device)
    begun, *blocks = mel.split([size[2] - block * (runs + 1), *[block] * (runs + 1)], dim=2)
    _, state = voice.advance(begun, voice.start(list(range(batch)), voice.temperature), last=False)
    times = []
    for frames in blocks:
        began = time.thread_time()
        _, state = voice.advance(frames, state, last=False)
        times.append(1000 * (time.thread_time() - began))
    return min(times[1:])
