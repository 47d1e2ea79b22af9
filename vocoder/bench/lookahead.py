"""What a WaveGlow loses that waits for fewer frames than it could see: its audio beside that of the whole."""

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vocoder.errors import InputError
from vocoder.evaluation.spectral import stft_distance
from vocoder.inference.bounded import BoundedWaveGlow
from vocoder.models import WaveGlow

QUANTILE = 0.999


class LookaheadError(NamedTuple):
    """One look-ahead, over all clips; the noise is that of the whole."""

    lookahead: int  # frames waited for
    history: int  # frames seen before a block
    block: int  # frames made at once
    wait_ms: float  # of audio, from a sample's own frame to its sound: the look-ahead and the block
    error_db: float  # mean square of the difference from the whole, relative to that of the whole
    largest: float  # difference of a sample
    log_distance: float  # mean |ln| of the ratio of short-time magnitudes, nats
    seam_step: float  # largest step across a seam, over the 99.9 % quantile of the whole's steps around it
    work: float  # CPU time over that of the whole


@torch.inference_mode()
def measure_lookahead(
    voice: WaveGlow, mels: Sequence[Tensor], sizes: Sequence[int], *, block: int = 16
) -> list[LookaheadError]:
    """Speak every mel `[mel, frame]` with each look-ahead of `sizes` frames, and as a whole.

    Raises:
        InputError: no mel, none longer than two blocks, or a look-ahead below one frame.
    """
    long = [mel for mel in mels if mel.shape[-1] > 2 * block]
    if not long:
        raise InputError(f"the errors at seams need mels of more than {2 * block} frames, two blocks")
    voice.synthesize(long[0])  # warm
    begun = time.process_time()
    wholes = [voice.synthesize(mel, seed=i).cpu() for i, mel in enumerate(long)]
    seconds = time.process_time() - begun
    return [_measure(voice, long, wholes, size, block, seconds) for size in sizes]


def _measure(
    voice: WaveGlow, mels: Sequence[Tensor], wholes: Sequence[Tensor], size: int, block: int, seconds: float
) -> LookaheadError:
    hop = voice.mel_spec.hop_length
    bounded = BoundedWaveGlow(voice, lookahead=size, block=block)
    begun = time.process_time()
    spoken = [bounded.synthesize(mel, seed=i).cpu() for i, mel in enumerate(mels)]
    taken = time.process_time() - begun
    difference, reference = torch.cat(spoken) - torch.cat(list(wholes)), torch.cat(list(wholes))
    distances = [
        stft_distance(whole.numpy(), made.numpy()).log_magnitude
        for whole, made in zip(wholes, spoken, strict=True)
    ]
    power = difference.square().mean() / reference.square().mean().clamp(min=1e-12)
    return LookaheadError(
        lookahead=size,
        history=bounded.history,
        block=block,
        wait_ms=1000 * (size + block) / voice.mel_spec.frame_rate,
        error_db=10 * math.log10(max(power.item(), 1e-14)),
        largest=difference.abs().max().item(),
        log_distance=sum(distances) / len(distances),
        seam_step=_seam_step(spoken, wholes, block * hop),
        work=taken / seconds,
    )


def _seam_step(spoken: Sequence[Tensor], wholes: Sequence[Tensor], every: int) -> float:
    """The largest step across a seam over what steps are in the whole around there: above 1 it may click."""
    worst = 0.0
    for made, whole in zip(spoken, wholes, strict=True):
        usual = whole.diff().abs()
        for seam in range(every, len(made), every):
            near = usual[max(0, seam - every // 2) : seam + every // 2]
            step = (made[seam] - made[seam - 1]).abs()
            worst = max(worst, (step / near.quantile(QUANTILE).clamp(min=1e-6)).item())
    return worst
