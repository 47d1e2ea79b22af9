"""Voices by name: those that ship with the package, and those in the user's own folders."""

import os
from pathlib import Path

import torch

from vocoder.checkpoints.format import load_checkpoint, read_info
from vocoder.errors import ConfigError, UnknownVoice
from vocoder.models import Vocoder, corrected
from vocoder.models.corrected import MAX_PASSES

SHIPPED = Path(__file__).parent.parent / "voices"
SUFFIX = ".safetensors"
FOLDERS_VARIABLE = "VOCODER_VOICES"
DEFAULT_VOICE = "student"


def voice_paths() -> dict[str, Path]:
    """Name to file of every installed voice; folders in `$VOCODER_VOICES` (separated by `:`) come first."""
    own = [Path(folder) for folder in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if folder]
    found: dict[str, Path] = {}
    for folder in [*own, SHIPPED]:
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def voice_path(name: str | Path) -> Path:
    """The file of a voice given by name, or by a path to a checkpoint; raises `UnknownVoice`."""
    if str(name).endswith(SUFFIX):
        return Path(name)
    voices = voice_paths()
    if str(name) not in voices:
        raise UnknownVoice(
            f"no voice {str(name)!r}; installed: {', '.join(voices) or 'none'}. "
            f"Others are found in the folders of ${FOLDERS_VARIABLE}, or given as a path to a {SUFFIX} file"
        )
    return voices[str(name)]


def load(
    name: str | Path = DEFAULT_VOICE, *, device: torch.device | str = "cpu", correction: int | None = None
) -> Vocoder:
    """Load a voice by name, or a checkpoint by path, as it is meant to be heard.

    Args:
        correction: passes of `MelCorrection` after the model; as many as the checkpoint says if not given.

    Raises:
        UnknownVoice, CheckpointError: nothing there, or nothing that can be used.
        ConfigError: a device that is not there, or a correction that its mel does not allow, or not of 0 to 8
            passes.
    """
    path = voice_path(name)
    passes = read_info(path).correction if correction is None else correction
    if passes not in range(MAX_PASSES + 1):
        raise ConfigError(f"correction must be 0 to {MAX_PASSES} passes, got {passes!r}")
    return corrected(load_checkpoint(path, device=device), passes)
