"""F0 of recordings, tracked once and kept on disk: what the pitch network learns from."""

import hashlib
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vocoder.checkpoints.format import write_atomically
from vocoder.evaluation.extras import optional

FRAME_PERIOD_MS = 5.0
AGREEMENT_OCTAVES = 0.1


class PitchTrack(NamedTuple):
    """F0 every 5 ms, in Hz, carried on through unvoiced stretches; and where it is voiced."""

    frequency: NDArray[np.float32]
    voiced: NDArray[np.bool_]

    def at(self, seconds: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """F0 (geometric interpolation) and voicing (0 or 1) at the given times."""
        position = np.clip(seconds * (1000 / FRAME_PERIOD_MS), 0, len(self.frequency) - 1)
        log_f0 = np.interp(position, np.arange(len(self.frequency)), np.log(self.frequency))
        voiced = self.voiced[np.rint(position).astype(int)]
        return np.exp(log_f0).astype(np.float32), voiced.astype(np.float32)


def pitch_track(
    audio: NDArray[np.float32], sample_rate: int, cache: Path, low: float, high: float
) -> PitchTrack:
    """F0 by WORLD's harvest (Morise 2017); voiced where WORLD's dio (Morise et al. 2009) finds the same.

    Harvest alone calls nearly everything voiced. Tracks are read from `cache` when the same audio was tracked
    before. Raises `MissingExtra` without pyworld.
    """
    harvest, dio = (_cached(name, audio, sample_rate, cache, low, high) for name in ("harvest", "dio"))
    agree = (harvest > 0) & (dio > 0)
    agree[agree] = np.abs(np.log2(harvest[agree] / dio[agree])) < AGREEMENT_OCTAVES
    return _carry_on(np.where(agree, harvest, 0), default=(low * high) ** 0.5)


def _cached(
    tracker: str, audio: NDArray[np.float32], sample_rate: int, cache: Path, low: float, high: float
) -> NDArray[np.float32]:
    parameters = f"{tracker} {low} {high} {FRAME_PERIOD_MS} {sample_rate}".encode()
    name = hashlib.sha256(parameters + np.ascontiguousarray(audio).tobytes()).hexdigest()[:24]
    path = cache / f"{name}.npy"
    if not path.exists():
        data = io.BytesIO()
        np.save(data, _track(tracker, audio, sample_rate, low, high))
        write_atomically(path, data.getvalue())  # two runs may share the cache
    return np.load(path)


def _track(
    tracker: str, audio: NDArray[np.float32], sample_rate: int, low: float, high: float
) -> NDArray[np.float32]:
    pyworld = optional("pyworld", "tracking F0", extra="train")
    f0, _ = getattr(pyworld, tracker)(
        audio.astype(np.float64), sample_rate, f0_floor=low, f0_ceil=high, frame_period=FRAME_PERIOD_MS
    )
    return f0.astype(np.float32)


def _carry_on(f0: NDArray[np.float32], default: float) -> PitchTrack:
    voiced = f0 > 0
    if not voiced.any():
        return PitchTrack(np.full_like(f0, default), voiced)
    index = np.arange(len(f0))
    log_f0 = np.interp(index, index[voiced], np.log(f0[voiced]))
    return PitchTrack(np.exp(log_f0).astype(np.float32), voiced)
