"""What a detector of one kind of fault is: from a pair of sounds to events in time and one rate."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from vocoder.errors import AudioError, MissingExtra
from vocoder.evaluation.alignment import Pair
from vocoder.evaluation.extras import optional
from vocoder.evaluation.periodicity import periodicity
from vocoder.evaluation.pitch import FLOOR_HZ, FRAME_PERIOD_MS, f0_track

PERIODICITY_CENTRE = 1.5 / FLOOR_HZ
"""Seconds from the first sample of a frame of `periodicity` to its middle: two periods and one lag."""
FRAME_SECONDS = FRAME_PERIOD_MS / 1000


class Event(NamedTuple):
    """A fault: its middle in seconds from the start of the pair, and its strength in the detector's unit."""

    seconds: float
    strength: float


class Found(NamedTuple):
    """Faults in the order of time, and their rate in the detector's unit; NaN where it is undefined."""

    events: tuple[Event, ...]
    rate: float


@dataclass(frozen=True)
class Streamed:
    """The voice's audio whole and as a stream, unaligned, and the samples at which a piece began."""

    whole: Float[np.ndarray, "sample"]
    pieces: Float[np.ndarray, "sample"]
    boundaries: tuple[int, ...]


@dataclass(frozen=True)
class Heard:
    """What detectors listen to: a pair in step and equally loud, and the same as a stream where there is one.

    Tracks that several detectors need are computed once, every 5 ms.
    """

    pair: Pair
    streamed: Streamed | None = None

    @property
    def seconds(self) -> float:
        return len(self.pair.reference) / self.pair.sample_rate

    @cached_property
    def periodicities(self) -> tuple[Float[np.ndarray, "frame"], Float[np.ndarray, "frame"]]:
        """Of the recording and of the voice; frame i has its middle at 5 ms · i + `PERIODICITY_CENTRE`."""
        pair = self.pair
        return periodicity(pair.reference, pair.sample_rate), periodicity(pair.generated, pair.sample_rate)

    @cached_property
    def pitch(self) -> Float[np.ndarray, "frame"]:
        """Of the recording, in Hz, 0 where unvoiced; needs pyworld."""
        return f0_track(self.pair.reference, self.pair.sample_rate)


@dataclass(frozen=True)
class Detector:
    """One kind of fault: key, heading, unit of an event's strength, a sentence, the finder.

    The rate is a share, 0 to 1, of what `share_of` names, or, where that is None, events a minute. `needs` is
    an optional module without which it cannot run.
    """

    name: str
    label: str
    strength_unit: str
    share_of: str | None
    meaning: str
    find: Callable[[Heard], Found]
    needs: str | None = None

    @property
    def rate_unit(self) -> str:
        return f"share of {self.share_of}" if self.share_of else "events a minute"

    @property
    def available(self) -> bool:
        try:
            if self.needs:
                optional(self.needs, self.label)
        except MissingExtra:
            return False
        return True

    def __call__(self, heard: Heard) -> Found:
        """What is found; nothing, and a rate of NaN, in a clip too short for it."""
        try:
            return self.find(heard)
        except AudioError:
            return Found((), np.nan)


def stretches(mask: Bool[np.ndarray, "frame"], shortest: int = 1) -> list[slice]:
    """The runs of true frames that last at least `shortest` of them."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [slice(a, b) for a, b in edges.reshape(-1, 2) if b - a >= shortest]


def found_in_frames(
    faulty: Bool[np.ndarray, "frame"],
    strength: Float[np.ndarray, "frame"],
    candidates: Bool[np.ndarray, "frame"],
    *,
    shortest: int,
    first: float,
) -> Found:
    """Runs of faulty frames, each an event of their mean strength; the rate is their share of the candidates.

    Args:
        first: middle of the first frame, in seconds.
    """
    found = stretches(faulty, shortest)
    events = tuple(
        Event(first + FRAME_SECONDS * (s.start + s.stop - 1) / 2, float(strength[s].mean())) for s in found
    )
    frames = sum(s.stop - s.start for s in found)
    return Found(events, frames / candidates.sum() if candidates.any() else np.nan)


def frame_levels(
    audio: Float[np.ndarray, "sample"], sample_rate: int, seconds: float, count: int
) -> Float[np.ndarray, "frame"]:
    """Mean power over `seconds` around the middles of `count` frames of `periodicity`, in dBFS."""
    total = np.pad(np.cumsum(audio**2), (1, 0))
    middles = (PERIODICITY_CENTRE + FRAME_SECONDS * np.arange(count)) * sample_rate
    half = seconds * sample_rate / 2
    begins, ends = (np.clip(middles + side * half, 0, len(audio)).astype(int) for side in (-1, 1))
    return 10 * np.log10(np.maximum(total[ends] - total[begins], 0) / np.maximum(ends - begins, 1) + 1e-12)
