"""All detectors over many clips and systems, side by side in processes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from torch import Tensor

from vocoder.audio import read
from vocoder.errors import InputError
from vocoder.evaluation.alignment import align_recording
from vocoder.evaluation.faults import DETECTORS
from vocoder.evaluation.faults.detector import Found, Heard, Streamed
from vocoder.evaluation.manifest import Clip
from vocoder.evaluation.processes import in_processes
from vocoder.evaluation.runner import System, check_run


@runtime_checkable
class Streaming(System, Protocol):
    """A system that also speaks piece by piece."""

    def stream(
        self, audio: Float[Tensor, "sample"], sample_rate: int
    ) -> tuple[Float[Tensor, "generated"], tuple[int, ...]]:
        """What `generate` returns, made as a stream, and the samples at which a piece begins, 0 left out."""
        ...


@dataclass(frozen=True)
class Hearing:
    """What the detectors found in one clip of one system; `error` says why there is nothing."""

    clip: str
    system: str
    seconds: float
    found: Mapping[str, Found] = field(default_factory=dict)
    error: str | None = None


def survey(clips: Sequence[Clip], systems: Sequence[System], workers: int = 1) -> Iterator[Hearing]:
    """Every system on every clip, clip by clip, as soon as they are done.

    A clip that cannot be read, analysed or compared makes a `Hearing` with an error.

    Raises:
        InputError: no clip, no system, two systems of one name, fewer than one worker.
    """
    check_run(clips, systems, workers)
    return in_processes(listen, list(product(clips, systems)), workers)


def listen(clip: Clip, system: System) -> Hearing:
    """Put one clip through one system and let every detector that can run listen to what comes out."""
    seconds = np.nan
    try:
        heard = hear(clip, system)
        seconds = heard.seconds
        found = {name: detector(heard) for name, detector in DETECTORS.items() if detector.available}
    except InputError as error:
        return Hearing(clip.name, system.name, seconds, error=str(error))
    return Hearing(clip.name, system.name, seconds, found)


def hear(clip: Clip, system: System) -> Heard:
    """The pair of recording and system at the system's rate, and its stream where it has one.

    Raises:
        InputError: audio that cannot be read, analysed or aligned.
    """
    audio, sample_rate = read(clip.path)
    generated, rate = system.generate(audio, sample_rate)
    pair = align_recording(audio, sample_rate, generated, rate)
    if not isinstance(system, Streaming):
        return Heard(pair)
    pieces, boundaries = system.stream(audio, sample_rate)
    return Heard(pair, Streamed(generated.double().numpy(), pieces.double().numpy(), boundaries))
