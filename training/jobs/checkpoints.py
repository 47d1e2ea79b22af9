"""What a job has saved: states to go on from, and voices that can be installed."""

import os
from datetime import datetime
from pathlib import Path
from typing import Literal

from training.jobs.store import JobConflict
from vocoder.config import Config


class Checkpoint(Config):
    """A file of the job's run. A state is a place to go on from; a voice can be installed."""

    name: str
    kind: Literal["state", "voice"]
    step: int | None = None
    bytes: int
    modified: datetime


def find_checkpoints(run: Path) -> list[Checkpoint]:
    """Every whole checkpoint below a run's folder, the oldest first."""
    files = [(path, path.stat()) for path in run.rglob("*.safetensors") if not path.name.startswith(".")]
    found = []
    for path, stat in sorted(files, key=lambda item: item[1].st_mtime):
        metadata = _metadata(path)
        if metadata is None:
            continue
        found.append(
            Checkpoint(
                name=path.relative_to(run).as_posix(),
                kind="voice" if "mel_spec" in metadata else "state",
                step=int(metadata["step"]) if "step" in metadata else None,
                bytes=stat.st_size,
                modified=datetime.fromtimestamp(stat.st_mtime).astimezone(),
            )
        )
    return found


def install(source: Path, name: str, *, replace: bool) -> Path:
    """Copy a voice, whole or not at all, to where a running server finds it; returns the file.

    That is the first folder of `$VOCODER_VOICES`, or the folder of the voices that ship.

    Raises:
        CheckpointError: it cannot be loaded.
        JobConflict: a voice of this name is there, and `replace` is not set.
    """
    from vocoder.checkpoints import load_checkpoint
    from vocoder.checkpoints.format import write_atomically
    from vocoder.checkpoints.voices import FOLDERS_VARIABLE, SHIPPED, SUFFIX, voice_paths

    load_checkpoint(source)
    own = [Path(folder) for folder in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if folder]
    target = (own[0] if own else SHIPPED) / f"{name}{SUFFIX}"
    taken = JobConflict(f"a voice {name!r} is installed: choose another name, or ask to replace it")
    if name in voice_paths() and not replace:
        raise taken
    try:
        write_atomically(target, source.read_bytes(), replace=replace)
    except FileExistsError:  # another came first
        raise taken from None
    return target


def _metadata(path: Path) -> dict[str, str] | None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError):
        return None
