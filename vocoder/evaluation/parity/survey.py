"""Two voices on every utterance: each measure, and the errors by sound."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from torch import Tensor

from vocoder.audio import read, resample
from vocoder.errors import InputError
from vocoder.evaluation.alignment import align
from vocoder.evaluation.manifest import Clip
from vocoder.evaluation.parity.by_sound import SoundError, errors_by_class
from vocoder.evaluation.parity.sounds import Sounds
from vocoder.evaluation.parity.spectra import spectra_of
from vocoder.evaluation.processes import in_processes
from vocoder.evaluation.runner import System, check_run, measured

Generated = tuple[Float[Tensor, "generated"], int]
"""What a system made, and its rate."""


@dataclass(frozen=True)
class Utterance:
    """One recording and what each system got on it; `error` says why there is nothing.

    `values` are by system and measure, `sounds` by division, class and system: a division that cannot divide
    the recording is not there.
    """

    clip: str
    seconds: float
    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    sounds: Mapping[str, Mapping[str, Mapping[str, SoundError]]] = field(default_factory=dict)
    error: str | None = None


def survey(
    clips: Sequence[Clip],
    systems: Sequence[System],
    divisions: Sequence[Sounds],
    measures: Sequence[str] | None = None,
    workers: int = 1,
) -> Iterator[Utterance]:
    """Both systems on every clip, clip by clip, as soon as they are done; a clip that fails says why.

    Raises:
        InputError: no clip, not two systems of different names, fewer than one worker.
    """
    check_run(clips, systems, workers)
    if len(systems) != 2:
        raise InputError(f"parity compares two voices, got {len(systems)}: name the first and the second")
    tasks = [(clip, systems, divisions, measures) for clip in clips]
    return in_processes(hear_both, tasks, workers)


def hear_both(
    clip: Clip, systems: Sequence[System], divisions: Sequence[Sounds], measures: Sequence[str] | None = None
) -> Utterance:
    """Put one clip through both systems, each once, and measure what comes out."""
    seconds = np.nan
    try:
        audio, sample_rate = read(clip.path)
        seconds = len(audio) / sample_rate
        made = {system.name: system.generate(audio, sample_rate) for system in systems}
        values = {
            system.name: measured(system, audio, sample_rate, made[system.name], measures)
            for system in systems
        }
        sounds = _sounds(clip, audio, sample_rate, made, divisions)
    except InputError as error:
        return Utterance(clip.name, seconds, error=str(error))
    return Utterance(clip.name, seconds, values, sounds)


def _sounds(
    clip: Clip,
    audio: Float[Tensor, "sample"],
    sample_rate: int,
    made: Mapping[str, Generated],
    divisions: Sequence[Sounds],
) -> dict[str, dict[str, dict[str, SoundError]]]:
    """By division, class and system, over the band that the recording and both systems have."""
    ceiling = min(sample_rate, *(rate for _, rate in made.values())) / 2
    spectra = {
        name: spectra_of(align(resample(audio, sample_rate, rate), generated, rate), ceiling)
        for name, (generated, rate) in made.items()
    }
    wave = audio.double().numpy()
    found: dict[str, dict[str, dict[str, SoundError]]] = {}
    for division in divisions:
        for name, both in spectra.items():
            labels = division.label(clip, wave, sample_rate, both.seconds)
            if labels is None:
                break
            classes = found.setdefault(division.name, {c: {} for c in division.classes})
            for sound, error in errors_by_class(both, labels, division.classes).items():
                classes[sound][name] = error
    return found
