"""Checkpoints: the format, and voices found by name."""

from vocoder.checkpoints.format import (
    CheckpointInfo,
    load_checkpoint,
    read_info,
    rewrite_checkpoint,
    save_checkpoint,
)
from vocoder.checkpoints.voices import DEFAULT_VOICE, load, voice_path, voice_paths

__all__ = [
    "DEFAULT_VOICE",
    "CheckpointInfo",
    "load",
    "load_checkpoint",
    "read_info",
    "rewrite_checkpoint",
    "save_checkpoint",
    "voice_path",
    "voice_paths",
]
