"""How much air a voice wants: what is missing from 8 to 10 kHz, in voiced sounds and in others."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from training.publish import configured
from vocoder.audio import read, resample
from vocoder.checkpoints import load
from vocoder.commands.evaluate import VoiceSystem
from vocoder.errors import InputError
from vocoder.evaluation import Clip, read_manifest
from vocoder.evaluation.pitch import FRAME_PERIOD_MS, f0_track
from vocoder.evaluation.report import provenance
from vocoder.evaluation.upper_band import EMPTY, HOP_SECONDS, WINDOW_SECONDS, band_levels, sounds

LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
KINDS = ("voiced", "unvoiced")


class Reference(NamedTuple):
    """A recording that has the band, at the voice's rate."""

    audio: Any
    upper: Float[np.ndarray, "frame"]
    kinds: dict[str, Bool[np.ndarray, "frame"]]


def measure_air(
    checkpoint: Path, manifest: Path, levels: Sequence[float] = LEVELS, *, limit: int | None = None
) -> dict[str, Any]:
    """The voice at every level of air, on the first `limit` recordings of a list that have the band.

    Returns `{voice, date, machine, versions, clips, levels: [{level, voiced, unvoiced}], air: {voiced,
    unvoiced}}`: medians over frames of how much louder than the recordings the band is, in dB, and the level
    that makes each of them 0, between those that were tried; 0 where nothing is missing.

    Raises:
        CheckpointError: no checkpoint there, or a voice that takes no air.
        InputError: no level above 0, or a list that cannot be read or of which no recording has the band.
    """
    tried = sorted(set(levels) | {0.0})
    if len(tried) < 2:
        raise InputError(f"level: give one above 0, got {', '.join(map(str, levels))}")
    clips = read_manifest(manifest)
    with ExitStack() as stack:
        voices = [
            stack.enter_context(configured(checkpoint, f"air-{i}", air=dict.fromkeys(KINDS, level)))
            for i, level in enumerate(tried)
        ]
        references = _references(clips, load(voices[0]).sample_rate, limit)
        if not references:
            raise InputError(
                f"no recording of {manifest} has the band from 8 to 10 kHz: give some of 22,050 Hz or more"
            )
        rows = [
            {"level": level} | _missing(voice, references) for level, voice in zip(tried, voices, strict=True)
        ]
    return {
        "voice": checkpoint.stem,
        **provenance(),
        "clips": len(references),
        "levels": rows,
        "air": {kind: _level(tried, [row[kind] for row in rows]) for kind in KINDS},
    }


def air_table(result: dict[str, Any]) -> Iterator[str]:
    """Rows of Markdown: a level each, as `measure_air` returned them."""
    yield "| air | voiced [dB] | unvoiced [dB] |"
    yield "| ---: | ---: | ---: |"
    for row in result["levels"]:
        yield f"| {row['level']:g} | {row['voiced']:+.1f} | {row['unvoiced']:+.1f} |"


def _references(clips: Sequence[Clip], sample_rate: int, limit: int | None) -> list[Reference]:
    found: list[Reference] = []
    for clip in clips:
        audio, rate = read(clip.path)
        audio = resample(audio, rate, sample_rate)
        wave = audio.double().numpy()
        whole, upper = band_levels(wave, sample_rate)
        here = sounds(whole)
        if np.median(upper[here]) < EMPTY:
            continue
        f0 = f0_track(wave, sample_rate)
        middles = (np.arange(len(whole)) * HOP_SECONDS + WINDOW_SECONDS / 2) * 1000 / FRAME_PERIOD_MS
        voiced = f0[np.minimum(middles.round().astype(int), len(f0) - 1)] > 0
        found.append(Reference(audio, upper, {"voiced": here & voiced, "unvoiced": here & ~voiced}))
        if len(found) == limit:
            break
    return found


def _missing(voice: Path, references: Sequence[Reference]) -> dict[str, float]:
    """In dB; NaN for a kind of which there is no frame."""
    system, differences = VoiceSystem(str(voice)), {kind: [np.empty(0)] for kind in KINDS}
    for reference in references:
        audio, rate = system.generate(reference.audio, load(voice).sample_rate)
        _, upper = band_levels(audio.double().numpy(), rate)
        length = min(len(upper), len(reference.upper))
        difference = upper[:length] - reference.upper[:length]
        for kind, here in reference.kinds.items():
            differences[kind].append(difference[here[:length]])
    return {kind: _median(np.concatenate(values)) for kind, values in differences.items()}


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def _level(tried: Sequence[float], differences: Sequence[float]) -> float:
    """Where the difference is 0, linear in between; the nearest that was tried where that is outside."""
    return round(float(np.interp(0.0, np.maximum.accumulate(differences), tried)), 2)
