"""The figures of a comparison computed again, out of what its JSON keeps of every utterance."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from vocoder.errors import InputError
from vocoder.evaluation.parity.by_sound import SoundError
from vocoder.evaluation.parity.report import ABOUT, figures_of
from vocoder.evaluation.parity.survey import Utterance
from vocoder.evaluation.speakers import speaker_of


class Written(NamedTuple):
    """A division of sounds as a result describes it."""

    name: str
    meaning: str
    classes: tuple[str, ...]


def again(result: Any) -> dict[str, Any]:
    """A result of `report.to_json` with means, intervals and verdicts of now; date, machine and command stay.

    Raises:
        InputError: something else than such a result.
    """
    try:
        utterances = [_utterance(row) for row in result["utterances"]]
        measures = {name: {key: m[key] for key in ABOUT} for name, m in result["measures"].items()}
        divisions = [
            Written(name, sounds["meaning"], tuple(sounds["classes"]))
            for name, sounds in result["sounds"].items()
        ]
        return {**result, **figures_of(utterances, result["voices"], measures, divisions)}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"no result as `vocoder parity -o` writes it: {error!r}") from None


def _utterance(row: Mapping[str, Any]) -> Utterance:
    """Of a result from before speakers were written, the speaker is told by the clip's name."""
    sounds = {
        division: {
            sound: {voice: SoundError(**_numbers(error)) for voice, error in voices.items()}
            for sound, voices in classes.items()
        }
        for division, classes in row["sounds"].items()
    }
    values = {voice: _numbers(measures) for voice, measures in row["values"].items()}
    speaker = row.get("speaker", speaker_of(row["clip"]))
    (seconds,) = _numbers({"seconds": row["seconds"]}).values()
    return Utterance(row["clip"], speaker, seconds, values, sounds, row["error"])


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.nan if value is None else value for name, value in values.items()}
