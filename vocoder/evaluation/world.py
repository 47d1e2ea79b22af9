"""WORLD: a vocoder of signal processing alone, which sees the recording itself and not its mel."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.errors import AudioError
from vocoder.evaluation.extras import optional
from vocoder.evaluation.pitch import FRAME_PERIOD_MS, f0_track


@dataclass(frozen=True)
class World:
    """Pitch, spectral envelope and aperiodicity every 5 ms, and speech again from those three.

    Harvest, CheapTrick, D4C and WORLD's synthesis with their own defaults (Morise, Yokomori and Ozawa 2016;
    package `pyworld`). It knows more than a mel holds: pitch and noise measured on the recording.
    """

    name: ClassVar[str] = "world"

    def generate(
        self, audio: Float[Tensor, "sample"], sample_rate: int
    ) -> tuple[Float[Tensor, "generated"], int]:
        """Analyse a recording and put it together again, at its own rate and length, clipped to [-1, 1].

        Raises:
            MissingExtra: pyworld (extra `eval`) is not installed.
            AudioError: no audio.
        """
        if audio.numel() == 0:
            raise AudioError("WORLD needs audio: the clip is empty")
        world = optional("pyworld", "the baseline world")
        wave = np.ascontiguousarray(audio.detach().cpu().numpy(), dtype=np.float64)
        f0 = f0_track(wave, sample_rate)
        times = np.arange(len(f0)) * FRAME_PERIOD_MS / 1000
        envelope = world.cheaptrick(wave, f0, times, sample_rate)
        aperiodicity = world.d4c(wave, f0, times, sample_rate)
        generated = world.synthesize(f0, envelope, aperiodicity, sample_rate, FRAME_PERIOD_MS)
        generated = np.pad(generated, (0, max(0, len(wave) - len(generated))))[: len(wave)]
        return torch.from_numpy(generated).float().clamp(-1, 1), sample_rate
