"""The recording with other phases, noise and cut: what a detector finds in it is a false alarm."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

GAIN_DB = -6.0
"""Leaves room for peaks, which other phases may raise: a clipped one would be a fault."""
POLE = 0.6
"""p of a section (-p + z^-1) / (1 - p z^-1): delays DC by (1 + p) / (1 - p) samples, rate / 2 by 1 / that."""
DISPERSION_SECONDS = 0.007
"""By how much later the lowest frequencies come than the highest: less than the 10 ms that excuse a click."""
CUT_SECONDS = 0.0123
"""Missing at the beginning: more than the delay, and no whole number of the milliseconds of `align`."""
NOISE_DB = -65.0
"""Of the loud blocks, 20 ms each: pauses sound unlike the recording's, and stay pauses."""
BLOCK_SECONDS = 0.02


@dataclass(frozen=True)
class Rerecorded:
    """The recording through 41 all-passes (at 22,050 Hz), cut 12.3 ms later, 6 dB softer, in white noise.

    Different everywhere, worse nowhere: no magnitude moves, but phases by many turns, an onset is spread over
    7 ms, and pauses have a noise of their own. Against itself a recording has no fault by definition; this
    has none that a detector is to find. It says nothing of what a voice does to magnitudes.
    """

    name: ClassVar[str] = "re-recorded"

    def generate(
        self, audio: Float[Tensor, "sample"], sample_rate: int
    ) -> tuple[Float[Tensor, "generated"], int]:
        turned = dispersed(audio.double().numpy(), sample_rate)[round(CUT_SECONDS * sample_rate) :]
        noise = np.random.default_rng(0).standard_normal(len(turned))
        level = loud_level(turned, sample_rate)
        changed = 10 ** (GAIN_DB / 20) * (turned + 10 ** (NOISE_DB / 20) * level * noise)
        return torch.from_numpy(changed.clip(-1, 1)).to(audio.dtype), sample_rate


def dispersed(audio: Float[np.ndarray, "sample"], sample_rate: int) -> Float[np.ndarray, "sample"]:
    """Through as many all-passes of `POLE` as delay DC by 7 ms more than half the rate; as long as it was."""
    from scipy.signal import sosfilt

    slowest = (1 + POLE) / (1 - POLE)
    count = round(DISPERSION_SECONDS * sample_rate / (slowest - 1 / slowest))
    return np.asarray(sosfilt([[-POLE, 1.0, 0.0, 1.0, -POLE, 0.0]] * count, audio))


def loud_level(audio: Float[np.ndarray, "sample"], sample_rate: int) -> float:
    """RMS of the block of 20 ms that one in twenty exceeds; of all where there is no block."""
    block = round(BLOCK_SECONDS * sample_rate)
    blocks = audio[: len(audio) // block * block].reshape(-1, block) if len(audio) >= block else audio[None]
    return float(np.sqrt(np.quantile((blocks**2).mean(axis=1), 0.95))) if audio.size else 0.0
