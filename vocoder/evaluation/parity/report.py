"""The comparison as JSON to keep: every paired difference, and the figures of every utterance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from vocoder.evaluation.measures import MEASURES
from vocoder.evaluation.parity.by_sound import FIGURES
from vocoder.evaluation.parity.paired import Better, compare
from vocoder.evaluation.parity.sounds import Division
from vocoder.evaluation.parity.survey import Utterance
from vocoder.evaluation.report import machine, versions

FORMAT = 1
ABOUT = ("label", "unit", "decimals", "meaning", "better")
"""What a result says of a measure, as its fields are called."""


def to_json(
    utterances: Sequence[Utterance], voices: Sequence[str], divisions: Sequence[Division], command: str
) -> dict[str, Any]:
    """The whole run, the first of `voices` against the second; NaN is null."""
    measures = {name: {key: getattr(measure, key) for key in ABOUT} for name, measure in MEASURES.items()}
    return {
        "format": FORMAT,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "machine": machine(),
        "versions": versions(),
        "voices": list(voices),
        **figures_of(utterances, voices, measures, divisions),
    }


def figures_of(
    utterances: Sequence[Utterance],
    voices: Sequence[str],
    measures: Mapping[str, Mapping[str, Any]],
    divisions: Sequence[Division],
) -> dict[str, Any]:
    """All of a result that is computed from its utterances, and these; of each measure what `ABOUT` names."""
    return {
        "measures": {name: _measure(utterances, voices, name, about) for name, about in measures.items()},
        "sounds": {division.name: _division(utterances, voices, division) for division in divisions},
        "utterances": [_finite(asdict(utterance)) for utterance in utterances],
    }


def _measure(
    utterances: Sequence[Utterance], voices: Sequence[str], name: str, about: Mapping[str, Any]
) -> dict[str, Any]:
    def value(utterance: Utterance, voice: str) -> float:
        return utterance.values.get(voice, {}).get(name, np.nan)

    return {**about, **_paired(utterances, voices, value, about["better"])}


def _division(utterances: Sequence[Utterance], voices: Sequence[str], division: Division) -> dict[str, Any]:
    divided = [utterance for utterance in utterances if division.name in utterance.sounds]
    frames = {name: _frames(divided, division.name, name, voices[0]) for name in division.classes}
    total = max(sum(frames.values()), 1)
    return {
        "meaning": division.meaning,
        "utterances": len(divided),
        "speakers": len({utterance.speaker for utterance in divided}),
        "classes": {
            name: {"share": frames[name] / total} | _errors(divided, voices, division.name, name)
            for name in division.classes
        },
    }


def _frames(utterances: Sequence[Utterance], division: str, sound: str, voice: str) -> int:
    return sum(utterance.sounds[division][sound][voice].frames for utterance in utterances)


def _errors(utterances: Sequence[Utterance], voices: Sequence[str], division: str, sound: str) -> Any:
    def figure(name: str) -> Callable[[Utterance, str], float]:
        return lambda utterance, voice: float(getattr(utterance.sounds[division][sound][voice], name))

    return {f.name: _paired(utterances, voices, figure(f.name), f.better) for f in FIGURES}


def _paired(
    utterances: Sequence[Utterance],
    voices: Sequence[str],
    value: Callable[[Utterance, str], float],
    better: Better,
) -> dict[str, Any]:
    first, second = (np.array([value(u, voice) for u in utterances], dtype=float) for voice in voices)
    paired = compare(first, second, better, [utterance.speaker for utterance in utterances])
    result = {
        "better": better,
        "first": paired.first,
        "second": paired.second,
        "difference": paired.difference._asdict(),
        "speakers": paired.speakers,
        "verdict": paired.verdict,
    }
    return dict(_finite(result))


def _finite(value: Any) -> Any:
    """Numbers that are none become null, named tuples become objects."""
    if hasattr(value, "_asdict"):
        return _finite(value._asdict())
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value
