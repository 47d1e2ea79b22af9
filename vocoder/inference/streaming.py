"""A known mel as a stream of audio: a small first block for an early first byte, then growing ones."""

from collections.abc import Generator, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.models import Vocoder
from vocoder.noise import check_seed

FIRST_FRAMES = 12
LARGEST_FRAMES = 128


def block_sizes(num_frames: int, lookahead: int) -> Iterator[int]:
    """Frames of each block: what the first audio needs, then 8, 16, 32, … frames, at most 128.

    While a block plays, the next one, twice as long, is made: no gap from a speed of twice real time on.
    """
    size = FIRST_FRAMES
    block = lookahead + size
    while num_frames > 0:
        yield min(block, num_frames)
        num_frames -= block
        size = min(2 * size, LARGEST_FRAMES)
        block = size


def synthesize_blocks(
    voice: Vocoder, mel: Float[Tensor, "mel frame"], *, seed: int = 0, temperature: float | None = None
) -> Generator[Float[Tensor, "sample"]]:
    """The audio of `voice.synthesize(mel)` in blocks on the CPU, each computed when it is asked for.

    Raises:
        InputError: a bad seed or temperature.
    """
    state = voice.start([check_seed(seed)], voice.check_temperature(temperature))
    sizes = list(block_sizes(mel.shape[-1], voice.lookahead_frames))
    for i, block in enumerate(mel[None].split(sizes, dim=-1)):
        with torch.inference_mode():
            block = block.to(voice.device, torch.float32)
            audio, state = voice.advance(block, state, last=i == len(sizes) - 1)
        yield audio[0].cpu()
