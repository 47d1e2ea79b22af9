"""What a division of speech into classes of sounds is, and the one that needs nothing but the recording."""

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from vocoder.errors import AudioError
from vocoder.evaluation.faults.detector import FRAME_SECONDS, PERIODICITY_CENTRE, frame_levels
from vocoder.evaluation.manifest import Clip
from vocoder.evaluation.periodicity import periodicity

VOICED = 0.5
"""Periodicity: noise has 0.1 to 0.2, a hoarse vowel 0.5."""
SILENCE_DB = -40.0
"""Of the recording's loud frames (their 95th percentile): what is quieter is silence."""


@runtime_checkable
class Division(Protocol):
    """Classes of sounds: `name` heads their table, `meaning` says in a sentence how frames are told apart."""

    @property
    def name(self) -> str: ...

    @property
    def meaning(self) -> str: ...

    @property
    def classes(self) -> tuple[str, ...]: ...


@runtime_checkable
class Sounds(Division, Protocol):
    """A division of every frame of a recording; sent to worker processes, so it pickles."""

    def label(
        self,
        clip: Clip,
        audio: Float[np.ndarray, "sample"],
        sample_rate: int,
        seconds: Float[np.ndarray, "frame"],
    ) -> Int[np.ndarray, "frame"] | None:
        """The index into `classes` of the frame around each time; None for a recording it cannot divide."""
        ...


@dataclass(frozen=True)
class Voicing:
    """Silence by an energy gate, then voiced by the periodicity over 42 ms; both of the recording."""

    name: ClassVar[str] = "voicing"
    classes: ClassVar[tuple[str, ...]] = ("silence", "unvoiced", "voiced")
    meaning: ClassVar[str] = (
        f"Silence is more than {-SILENCE_DB:.0f} dB below the recording's loud frames; of the rest, what "
        f"repeats from period to period by {VOICED:.0%} of its energy or more is voiced"
    )

    def label(
        self,
        clip: Clip,
        audio: Float[np.ndarray, "sample"],
        sample_rate: int,
        seconds: Float[np.ndarray, "frame"],
    ) -> Int[np.ndarray, "frame"] | None:
        """0 silence, 1 unvoiced, 2 voiced; None for a recording shorter than 42 ms."""
        try:
            share = periodicity(audio, sample_rate)
        except AudioError:
            return None
        levels = frame_levels(audio, sample_rate, 2 * PERIODICITY_CENTRE, len(share))
        silent = levels < np.quantile(levels, 0.95) + SILENCE_DB
        labels = np.where(silent, 0, np.where(share < VOICED, 1, 2))
        nearest = np.rint((seconds - PERIODICITY_CENTRE) / FRAME_SECONDS).astype(int)
        return labels[np.clip(nearest, 0, len(labels) - 1)]
