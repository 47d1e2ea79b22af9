"""How much air a voice wants: what is missing from 8 to 10 kHz, in voiced sounds and in others."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from training.publish import configured
from vocoder.audio import read, resample
from vocoder.checkpoints import load, read_info
from vocoder.commands.evaluate import VoiceSystem
from vocoder.errors import CheckpointError, InputError
from vocoder.evaluation import Clip, read_manifest
from vocoder.evaluation.pitch import FRAME_PERIOD_MS, f0_track
from vocoder.evaluation.report import provenance
from vocoder.evaluation.upper_band import BAND, EMPTY, HOP_SECONDS, WINDOW_SECONDS, band_levels, sounds
from vocoder.models import MODELS

LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
KINDS = ("voiced", "unvoiced")


class Reference(NamedTuple):
    """A recording that has the band, at the voice's rate."""

    audio: Float[Tensor, "sample"]
    sample_rate: int
    upper: Float[np.ndarray, "frame"]
    kinds: dict[str, Bool[np.ndarray, "frame"]]


def measure_air(
    checkpoint: Path, manifest: Path, levels: Sequence[float] = LEVELS, *, limit: int | None = None
) -> dict[str, Any]:
    """The voice at every level of air, on the first `limit` recordings of a list that have the band.

    Returns `{voice, list, date, machine, versions, clips, levels: [{level, voiced, unvoiced}], air: {voiced,
    unvoiced}}`: medians over frames of how much louder than the recordings the band is, in dB, None of no
    frame; and the level with which each of them is 0, or the nearest that was tried.

    Raises:
        CheckpointError: no checkpoint there, or a voice that takes no air.
        InputError: no level above 0, a voice whose own temperature is 0, or a list that cannot be read or of
            which no recording has the band.
    """
    tried = sorted(set(levels) | {0.0})
    if len(tried) < 2:
        raise InputError(f"level: give one above 0, got {', '.join(map(str, levels))}")
    info = read_info(checkpoint)
    if info.kind not in {kind for kind, (_, config) in MODELS.items() if "air" in config.model_fields}:
        raise CheckpointError(
            f"{checkpoint}: a {info.kind} takes no air; for a teacher: vocoder temperatures --voiced-above"
        )
    if info.config.get("temperature") == 0:
        raise InputError(f"{checkpoint}: its own temperature is 0, and there is no air without any")
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
        pairs = zip(tried, voices, strict=True)
        rows = [{"level": level, **_missing(voice, references)} for level, voice in pairs]
    return {
        "voice": checkpoint.stem,
        "list": manifest.stem,
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
        cells = ("–" if row[kind] is None else f"{row[kind]:+.1f}" for kind in KINDS)
        yield f"| {row['level']:g} | {' | '.join(cells)} |"


def advice(result: dict[str, Any]) -> Iterator[str]:
    """What to do with what `measure_air` returned, in lines."""
    found, most = result["air"], result["levels"][-1]
    for kind in KINDS:
        if found[kind] is None:
            yield f"no {kind} sound in the recordings: give others"
        elif most[kind] < 0:
            soft = f"{-most[kind]:.1f} dB too soft at {most['level']:g}"
            yield f"{kind} sounds are {soft}: give a higher --level"
    if None not in found.values():
        yield f"--air {found['voiced']:g} {found['unvoiced']:g}, for `vocoder publish`"


def _references(clips: Sequence[Clip], sample_rate: int, limit: int | None) -> list[Reference]:
    found: list[Reference] = []
    for clip in clips:
        audio, rate = read(clip.path)
        if rate < 2 * BAND[1]:
            continue
        audio = resample(audio, rate, sample_rate)
        wave = audio.double().numpy()
        whole, upper = band_levels(wave, sample_rate)
        here = sounds(whole)
        if np.median(upper[here]) < EMPTY:
            continue
        f0 = f0_track(wave, sample_rate)
        middles = (np.arange(len(whole)) * HOP_SECONDS + WINDOW_SECONDS / 2) * 1000 / FRAME_PERIOD_MS
        voiced = f0[np.minimum(middles.round().astype(int), len(f0) - 1)] > 0
        found.append(
            Reference(audio, sample_rate, upper, {"voiced": here & voiced, "unvoiced": here & ~voiced})
        )
        if len(found) == limit:
            break
    return found


def _missing(voice: Path, references: Sequence[Reference]) -> dict[str, float | None]:
    """In dB; None for a kind of which there is no frame."""
    system, differences = VoiceSystem(str(voice)), {kind: [np.empty(0)] for kind in KINDS}
    for reference in references:
        audio, rate = system.generate(reference.audio, reference.sample_rate)
        _, upper = band_levels(audio.double().numpy(), rate)
        length = min(len(upper), len(reference.upper))
        difference = upper[:length] - reference.upper[:length]
        for kind, here in reference.kinds.items():
            differences[kind].append(difference[here[:length]])
    whole = {kind: np.concatenate(values) for kind, values in differences.items()}
    return {kind: float(np.median(values)) if len(values) else None for kind, values in whole.items()}


def _level(tried: Sequence[float], differences: Sequence[float | None]) -> float | None:
    """Where the difference is 0 dB: between two levels power grows as their square."""
    known = [difference for difference in differences if difference is not None]
    if len(known) < len(tried):
        return None
    power = np.maximum.accumulate(10 ** (np.array(known) / 10))
    return round(float(np.sqrt(np.interp(1.0, power, np.square(tried)))), 2)
