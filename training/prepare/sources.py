"""The recordings of a folder as they are found: who speaks, and what is said, where that is known."""

import re
from pathlib import Path

from training.prepare.journal import JOURNAL
from vocoder.config import Config
from vocoder.errors import InputError

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au", ".caf")
TABLES = ("metadata.csv", "metadata.txt", "transcripts.txt")
HEADINGS = ("text", "transcript", "transcription", "sentence", "normalized_text")


class Source(Config):
    """A file of recordings, by its path below the folder."""

    path: str
    speaker: str
    text: str | None = None

    @property
    def name(self) -> str:
        """What its pieces are called: the speaker before the first underscore, then the path."""
        stem = Path(self.path).with_suffix("").as_posix()
        return f"{self.speaker}_{re.sub(r'[^A-Za-z0-9-]+', '-', stem).strip('-')}"


def find_sources(folder: Path, speaker: str | None = None) -> list[Source]:
    """All recordings below a folder, in order of their paths; no hidden files, and no sets that are prepared.

    Everybody is `speaker`; without it, a subfolder of the first level is a speaker, and the folder itself
    where there are none. Texts come from a table of `name|text` lines (LJSpeech's metadata.csv), whose
    first line may name the columns, or from a file of the same name with the suffix .txt or .lab.

    Raises:
        InputError: no such folder, or no recordings in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: give the one that holds your recordings")
    made = {path.parent.relative_to(folder) for path in folder.rglob(JOURNAL)}
    paths = sorted(
        path
        for path in (file.relative_to(folder) for file in folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.parts)
        and made.isdisjoint(path.parents)
    )
    if not paths:
        raise InputError(f"{folder} holds no recordings ({', '.join(SUFFIXES)})")
    texts = _table(folder)
    return [
        Source(
            path=path.as_posix(),
            speaker=_speaker(speaker or (path.parts[0] if len(path.parts) > 1 else folder.resolve().name)),
            text=texts.get(path.stem) or _beside(folder / path),
        )
        for path in paths
    ]


def _speaker(name: str) -> str:
    """Without an underscore, which ends a speaker's name in the list."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "speaker"


def _table(folder: Path) -> dict[str, str]:
    for name in TABLES:
        if (folder / name).is_file():
            lines = (folder / name).read_text(errors="replace").splitlines()
            rows = [[cell.strip() for cell in line.split("|")] for line in lines]
            column = _text_column(rows[0]) if rows else -1
            return {Path(row[0]).stem: row[column] for row in rows if len(row) > max(1, column)}
    return {}


def _text_column(first: list[str]) -> int:
    """Where a line of headings says that the text is; else the last, LJSpeech's normalized one."""
    named = [i for i, cell in enumerate(first) if cell.lower() in HEADINGS]
    return named[-1] if named else -1


def _beside(path: Path) -> str | None:
    for suffix in (".txt", ".lab"):
        if (text := path.with_suffix(suffix)).is_file():
            return text.read_text(errors="replace").strip() or None
    return None
