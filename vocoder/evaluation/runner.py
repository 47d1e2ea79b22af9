"""Many clips through many systems, one process and one thread for each clip at a time."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from multiprocessing import get_context
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from torch import Tensor

from vocoder.audio import read, resample
from vocoder.errors import InputError
from vocoder.evaluation.evaluate import evaluate
from vocoder.evaluation.manifest import Clip
from vocoder.evaluation.measures import families_of

_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


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

    The reference is the recording at the system's own sample rate. A clip that cannot be read, analysed or
    compared makes a `Score` with an error; with one worker everything happens in this process.

    Raises:
        InputError: no clip, no system, two systems of one name, fewer than one worker, an unknown measure.
        MissingExtra: a named measure whose package is not installed.
    """
    _check(clips, systems, workers)
    families_of(None if measures is None else tuple(measures))
    tasks = list(product(clips, systems))
    if workers == 1:
        return (score(clip, system, measures) for clip, system in tasks)
    return _in_processes(tasks, measures, min(workers, len(tasks)))


def score(clip: Clip, system: System, measures: Sequence[str] | None = None) -> Score:
    """Put one clip through one system and measure what comes out."""
    seconds = np.nan
    try:
        audio, sample_rate = read(clip.path)
        seconds = len(audio) / sample_rate
        generated, rate = system.generate(audio, sample_rate)
        values = evaluate(resample(audio, sample_rate, rate), generated, rate, measures)
    except InputError as error:
        return Score(clip.name, system.name, seconds, error=str(error))
    return Score(clip.name, system.name, seconds, values)


def _in_processes(
    tasks: Sequence[tuple[Clip, System]], measures: Sequence[str] | None, workers: int
) -> Iterator[Score]:
    with _one_thread_a_child(), ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(score, clip, system, measures) for clip, system in tasks]
        try:
            for future in futures:
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _one_thread_a_child() -> Iterator[None]:
    """Processes started inside find thread limits of one in their environment, before any library loads."""
    before = {name: os.environ.get(name) for name in _THREAD_LIMITS}
    os.environ.update(dict.fromkeys(_THREAD_LIMITS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _check(clips: Sequence[Clip], systems: Sequence[System], workers: int) -> None:
    if not clips:
        raise InputError("there is no clip to evaluate on: give a manifest that names recordings")
    names = [system.name for system in systems]
    if not names:
        raise InputError("there is no system to evaluate: name a voice or a baseline")
    if len(set(names)) < len(names):
        raise InputError(f"systems need different names to be told apart, got {', '.join(names)}")
    if workers < 1:
        raise InputError(f"workers must be at least 1, got {workers}")
