"""Which recordings a list names."""

from dataclasses import dataclass
from pathlib import Path

from vocoder.errors import InputError

SUFFIXES = ("", ".flac", ".wav")


@dataclass(frozen=True)
class Clip:
    """A recording and the name under which the results list it."""

    name: str
    path: Path


def read_manifest(path: Path) -> list[Clip]:
    """Read a list with one recording a line: a path relative to the list's folder, with or without suffix.

    What follows a "|" (a transcript, as in LJSpeech's lists) is ignored, and so are empty lines and lines
    that begin with "#".

    Raises:
        InputError: no such list, an empty one, or a line whose recording is not there.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the manifest {path}: {error}") from error
    named = [(number, line.split("|")[0].strip()) for number, line in enumerate(lines, start=1)]
    clips = [_find(name, path, number) for number, name in named if name and not name.startswith("#")]
    if not clips:
        raise InputError(f"the manifest {path} names no recording: give it one audio path a line")
    return clips


def _find(name: str, manifest: Path, number: int) -> Clip:
    for suffix in SUFFIXES:
        path = manifest.parent / (name + suffix)
        if path.is_file():
            return Clip(name, path)
    raise InputError(
        f"{manifest}:{number}: {manifest.parent} has no recording {name!r}, with or without .flac or .wav"
    )
