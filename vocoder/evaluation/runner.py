"""Many clips through many systems, one process and one thread for each clip at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from torch import Tensor

from vocoder.audio import read
from vocoder.errors import InputError
from vocoder.evaluation.alignment import Pair, align_recording
from vocoder.evaluation.evaluate import evaluate_pair
from vocoder.evaluation.manifest import Clip
from vocoder.evaluation.measures import LIKELIHOOD, families_of
from vocoder.evaluation.processes import in_processes


@runtime_checkable
class System(Protocol):
    """Anything that makes speech again out of a recording: a voice behind its mel, or a baseline.

    It is sent to worker processes, so it pickles; `generate` returns audio in [-1, 1] and its sample rate.
    """

    @property
    def name(self) -> str: ...

    def generate(
        self, audio: Float[Tensor, "sample"], sample_rate: int
    ) -> tuple[Float[Tensor, "generated"], int]: ...


@runtime_checkable
class Scoring(System, Protocol):
    """A system that also says how well it foresees a recording: its measure `LIKELIHOOD`."""

    def bits_per_sample(self, audio: Float[Tensor, "sample"], sample_rate: int) -> float:
        """Exact bits that a 16-bit sample takes; NaN where the system has no such figure."""
        ...


@dataclass(frozen=True)
class Score:
    """What one system got on one clip; `error` says why there are no values."""

    clip: str
    system: str
    seconds: float
    values: Mapping[str, float] = field(default_factory=dict)
    error: str | None = None


def run(
    clips: Sequence[Clip],
    systems: Sequence[System],
    measures: Sequence[str] | None = None,
    workers: int = 1,
) -> Iterator[Score]:
    """Score every system on every clip, yielding clip by clip, as soon as they are done.

    The reference is the recording at the system's own sample rate (`align_recording`). A clip that cannot be
    read, analysed or compared makes a `Score` with an error; with one worker everything happens in this
    process.

    Raises:
        InputError: no clip, no system, two systems of one name, fewer than one worker, an unknown measure.
        MissingExtra: a named measure whose package is not installed.
    """
    check_run(clips, systems, workers)
    families_of(None if measures is None else tuple(measures))
    return in_processes(score, list(product(clips, systems, [measures])), workers)


def score(clip: Clip, system: System, measures: Sequence[str] | None = None) -> Score:
    """Put one clip through one system and measure what comes out."""
    seconds = np.nan
    try:
        audio, sample_rate = read(clip.path)
        seconds = len(audio) / sample_rate
        generated, rate = system.generate(audio, sample_rate)
        pair = align_recording(audio, sample_rate, generated, rate)
        values = measured(system, audio, sample_rate, pair, measures)
    except InputError as error:
        return Score(clip.name, system.name, seconds, error=str(error))
    return Score(clip.name, system.name, seconds, values)


def measured(
    system: System,
    audio: Float[Tensor, "sample"],
    sample_rate: int,
    pair: Pair,
    measures: Sequence[str] | None = None,
) -> dict[str, float]:
    """Measure what `system.generate` made of a recording, aligned to it, and the system's likelihood if any.

    Raises:
        InputError: an unknown measure, or a recording that the system cannot score.
        MissingExtra: a named measure whose package is not installed.
    """
    values = evaluate_pair(pair, measures)
    if isinstance(system, Scoring) and (measures is None or LIKELIHOOD.name in measures):
        values[LIKELIHOOD.name] = system.bits_per_sample(audio, sample_rate)
    return values


def check_run(clips: Sequence[Clip], systems: Sequence[System], workers: int) -> None:
    """Raise `InputError` unless there are clips, systems of different names and at least one worker."""
    if not clips:
        raise InputError("there is no clip to evaluate on: give a manifest that names recordings")
    names = [system.name for system in systems]
    if not names:
        raise InputError("there is no system to evaluate: name a voice or a baseline")
    if len(set(names)) < len(names):
        raise InputError(f"systems need different names to be told apart, got {', '.join(names)}")
    if workers < 1:
        raise InputError(f"workers must be at least 1, got {workers}")
