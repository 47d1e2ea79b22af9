"""Two voices on every utterance: each measure, and the errors by sound."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from torch import Tensor

from vocoder.audio import read
from vocoder.errors import InputError
from vocoder.evaluation.alignment import Pair, align_recording
from vocoder.evaluation.manifest import Clip
from vocoder.evaluation.parity.by_sound import SoundError, errors_by_class
from vocoder.evaluation.parity.sounds import Sounds
from vocoder.evaluation.parity.spectra import spectra_of
from vocoder.evaluation.processes import in_processes
from vocoder.evaluation.runner import System, check_run, measured
from vocoder.evaluation.speakers import speaker_of


@dataclass(frozen=True)
class Utterance:
    """One recording, who speaks, and what each system got on it; `error` says why there is nothing.

    `values` are by system and measure, `sounds` by division, class and system: a division that cannot divide
    the recording is not there.
    """

    clip: str
    speaker: str
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
    seconds, speaker = np.nan, speaker_of(clip.name)
    try:
        audio, sample_rate = read(clip.path)
        seconds = len(audio) / sample_rate
        values, pairs = {}, {}
        for system in systems:
            generated, rate = system.generate(audio, sample_rate)
            pairs[system.name] = align_recording(audio, sample_rate, generated, rate)
            values[system.name] = measured(system, audio, sample_rate, pairs[system.name], measures)
        sounds = _sounds(clip, audio, sample_rate, pairs, divisions)
    except InputError as error:
        return Utterance(clip.name, speaker, seconds, error=str(error))
    return Utterance(clip.name, speaker, seconds, values, sounds)


def _sounds(
    clip: Clip,
    audio: Float[Tensor, "sample"],
    sample_rate: int,
    pairs: Mapping[str, Pair],
    divisions: Sequence[Sounds],
) -> dict[str, dict[str, dict[str, SoundError]]]:
    """By division, class and system, over the band that the recording and both systems have."""
    ceiling = min(sample_rate, *(pair.sample_rate for pair in pairs.values())) / 2
    spectra = {name: spectra_of(pair, ceiling) for name, pair in pairs.items()}
    seconds = [both.seconds for both in spectra.values()]
    ends = np.cumsum([len(times) for times in seconds])
    found: dict[str, dict[str, dict[str, SoundError]]] = {}
    for division in divisions:
        # Once for both systems: the recording alone decides, and a forced alignment is slow.
        labels = division.label(clip, audio.double().numpy(), sample_rate, np.concatenate(seconds))
        if labels is None:
            continue
        classes = found[division.name] = {name: {} for name in division.classes}
        for (name, both), own in zip(spectra.items(), np.split(labels, ends[:-1]), strict=True):
            for sound, error in errors_by_class(both, own, division.classes).items():
                classes[sound][name] = error
    return found
