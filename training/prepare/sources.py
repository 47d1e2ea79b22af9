"""The recordings of a folder as they are found: who speaks, and what is said, where that is known."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from training.prepare.journal import JOURNAL
from vocoder.config import Config
from vocoder.errors import InputError

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au", ".caf")
TABLES = ("metadata.csv", "metadata.txt", "transcripts.txt")
LONGEST = 180
"""Bytes of a name; file systems take 255, and numbers and suffixes follow."""
HEADINGS = ("text", "transcript", "transcription", "sentence", "normalized_text")


class Source(Config):
    """A file of recordings, by its path below the folder."""

    path: str
    speaker: str
    name: str
    """What its pieces are called: the speaker before the first underscore, then the path."""
    text: str | None = None


def find_sources(folder: Path, speaker: str | None = None) -> list[Source]:
    """All recordings below a folder, in order of their paths; no hidden files, and no sets that are prepared.

    Everybody is `speaker`; without it, a subfolder of the first level is a speaker, and the folder itself
    where there are none. Names keep the letters, marks and digits of any script; where two would then be the
    same, but for capitals, each gets a number made of its path. Texts come from a table of `name|text` lines
    (LJSpeech's metadata.csv), whose first line may name the columns, or from a file of the same name with the
    suffix .txt or .lab.

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
    called = {
        path: speaker or (path.parts[0] if len(path.parts) > 1 else folder.resolve().name) for path in paths
    }
    speakers = _distinct(set(called.values()), lambda name: _plain(name) or "speaker")
    names = _distinct(
        (path.as_posix() for path in paths),
        lambda path: (
            f"{speakers[called[Path(path)]]}_{_plain(str(Path(path).with_suffix(''))) or 'recording'}"
        ),
    )
    return [
        Source(
            path=path.as_posix(),
            speaker=speakers[called[path]],
            name=names[path.as_posix()],
            text=texts.get(_composed(path.stem)) or _beside(folder / path),
        )
        for path in paths
    ]


def _plain(name: str) -> str:
    """Letters, marks and digits; all else is a hyphen, the underscore too, which ends a speaker's name."""
    kept = (sign if unicodedata.category(sign)[0] in "LMN" else "-" for sign in _composed(name))
    return re.sub("-+", "-", "".join(kept)).strip("-")


def _composed(name: str) -> str:
    """Some systems hand out letters and their accents apart."""
    return unicodedata.normalize("NFC", name)


def _distinct(originals: Iterable[str], plain: Callable[[str], str]) -> dict[str, str]:
    """Plain names; one that could be taken for another's, or is too long, with what tells it apart."""
    names = {original: plain(original) for original in originals}
    times = Counter(name.casefold() for name in names.values())
    for original, name in names.items():
        short = name.encode()[:LONGEST].decode(errors="ignore")
        piece_of = re.sub(r"-\d{3,}$", "", name.casefold())
        if short != name or times[name.casefold()] + (piece_of != name.casefold()) * times[piece_of] > 1:
            names[original] = f"{short}-{hashlib.sha256(original.encode()).hexdigest()[:8]}"
    return names


def _table(folder: Path) -> dict[str, str]:
    for name in TABLES:
        if (folder / name).is_file():
            lines = (folder / name).read_text(errors="replace").splitlines()
            rows = [[cell.strip() for cell in line.split("|")] for line in lines]
            column = _text_column(rows[0]) if rows else -1
            return {_composed(Path(row[0]).stem): row[column] for row in rows if len(row) > max(1, column)}
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
