"""The recording with other phases and a little noise: what a detector finds in it is a false alarm."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

GAIN_DB, NOISE_DB = -2.0, -75.0  # of full scale
ALL_PASS = 0.5
"""Coefficient of (a + z^-1) / (1 + a z^-1): moves phases by up to half a turn, and no magnitude."""


@dataclass(frozen=True)
class Rerecorded:
    """The recording through an all-pass, 2 dB softer, in a little noise: different everywhere, worse nowhere.

    Against itself a recording has no fault by definition; this has none by ear.
    """

    name: ClassVar[str] = "re-recorded"

    def generate(
        self, audio: Float[Tensor, "sample"], sample_rate: int
    ) -> tuple[Float[Tensor, "sample"], int]:
        from scipy.signal import lfilter

        turned = lfilter([ALL_PASS, 1.0], [1.0, ALL_PASS], audio.double().numpy())
        generator = torch.Generator().manual_seed(0)
        noise = 10 ** (NOISE_DB / 20) * torch.randn(len(audio), generator=generator, dtype=torch.float64)
        changed = 10 ** (GAIN_DB / 20) * torch.from_numpy(turned) + noise
        return changed.clamp(-1, 1).to(audio.dtype), sample_rate
