"""Voices by name: those that ship with the package, and those in the user's own folders."""

import os
from pathlib import Path

import torch

from vocoder.checkpoints.format import load_checkpoint
from vocoder.errors import UnknownVoice
from vocoder.models import Vocoder

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


def load(name: str | Path = DEFAULT_VOICE, *, device: torch.device | str = "cpu") -> Vocoder:
    """Load a voice by name, or a checkpoint by path; raises `UnknownVoice` or `CheckpointError`."""
    return load_checkpoint(voice_path(name), device=device)
