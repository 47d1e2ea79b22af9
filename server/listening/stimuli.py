"""The sounds of a test: one length, one rate, one loudness a clip, so that nothing but the sound differs."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from server.listening.anchors import LOW, MID, band_limited
from server.listening.definition import LOW_ANCHOR, MID_ANCHOR, RECORDING
from vocoder.audio import read, resample, wav_header
from vocoder.audio.pcm import pcm16_bytes
from vocoder.checkpoints.format import write_atomically
from vocoder.errors import InputError
from vocoder.evaluation import Clip, System
from vocoder.evaluation.loudness import loudness

FOLDER = "stimuli"
LOUDNESS = -26.0
"""LUFS."""
_HIGHEST_PEAK = 0.99


def make_stimuli(
    folder: Path,
    clips: Sequence[Clip],
    systems: Sequence[tuple[System, str]],
    sample_rate: int,
    *,
    mid_anchor: bool,
    advance: Callable[[int], None] = lambda amount: None,
) -> dict[str, dict[str, str]]:
    """Write every clip under every condition; returns the files' names by clip and condition.

    `systems` come with what identifies them (a checkpoint's hash): what was made before is not made again.

    Raises:
        InputError: a recording that cannot be read, or is silent.
    """
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    made = {}
    for clip in clips:
        content = hashlib.sha256(clip.path.read_bytes()).hexdigest()
        identities = {system.name: identity for system, identity in systems}
        common = f"{content} {sorted(identities.items())} {sample_rate} {LOUDNESS} {mid_anchor}"
        conditions = [*identities, RECORDING, LOW_ANCHOR, *[MID_ANCHOR] * mid_anchor]
        names = {c: f"{hashlib.sha256(f'{common} {c}'.encode()).hexdigest()[:24]}.wav" for c in conditions}
        paths = {condition: folder / FOLDER / name for condition, name in names.items()}
        if not all(path.is_file() for path in paths.values()):
            sounds = _sounds(clip, [system for system, _ in systems], sample_rate, mid_anchor)
            for condition, sound in matched(sounds, sample_rate, clip.name).items():
                write_atomically(paths[condition], wav_bytes(sound, sample_rate))
        made[clip.name] = names
        advance(1)
    return made


def matched(sounds: dict[str, np.ndarray], sample_rate: int, name: str) -> dict[str, np.ndarray]:
    """Every sound at -26 LUFS (BS.1770-4); all of them lower, alike, where one would pass full scale.

    Raises:
        InputError: a sound that is silent.
    """
    gains = {}
    for condition, sound in sounds.items():
        level = loudness(sound, sample_rate)
        if not np.isfinite(level):
            raise InputError(f"{name}, {condition}: it is silent; take it off the list")
        gains[condition] = 10 ** ((LOUDNESS - level) / 20)
    peak = max(float(np.abs(sounds[condition]).max() * gain) for condition, gain in gains.items())
    common = min(1.0, _HIGHEST_PEAK / peak)
    return {condition: sound * gains[condition] * common for condition, sound in sounds.items()}


def wav_bytes(sound: Float[np.ndarray, "sample"], sample_rate: int) -> bytes:
    """16-bit mono: files of one length have one size, whatever is in them."""
    return wav_header(len(sound), sample_rate) + pcm16_bytes(torch.from_numpy(sound).float())


def _sounds(
    clip: Clip, systems: Sequence[System], sample_rate: int, mid_anchor: bool
) -> dict[str, np.ndarray]:
    audio, rate = read(clip.path)
    reference = resample(audio, rate, sample_rate).double().numpy()
    sounds = {}
    for system in systems:
        generated, made_at = system.generate(audio, rate)
        sounds[system.name] = _as_long(resample(generated, made_at, sample_rate).double().numpy(), reference)
    sounds[RECORDING] = reference
    sounds[LOW_ANCHOR] = band_limited(reference, sample_rate, LOW)
    if mid_anchor:
        sounds[MID_ANCHOR] = band_limited(reference, sample_rate, MID)
    return sounds


def _as_long(sound: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Voices make whole frames: their last one is cut, or silence follows."""
    return np.pad(sound[: len(reference)], (0, max(0, len(reference) - len(sound))))
