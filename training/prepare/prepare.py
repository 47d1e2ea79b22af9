"""The set: every recording cleaned once, lists of what is trained on and what is held out, and a report.

DATA/*.flac         pieces, named SPEAKER_recording-number.flac
DATA/train.txt      a name a line; valid.txt: those that are kept out of training
DATA/transcripts.txt  name|text, where texts were found
DATA/*.phones       phones of the pieces whose recordings have a text (training/data/phones.py)
DATA/report.json    what was kept, what was left out and why
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pydantic import Field

from training.data.phones import SUFFIX, phones_path
from training.prepare.clean import CleanConfig, Unfit, clean
from training.prepare.journal import JOURNAL, Entry, journal, noting
from training.prepare.phones import lay_phones
from training.prepare.sources import Source, find_sources
from vocoder.audio import read, write
from vocoder.checkpoints.format import write_atomically
from vocoder.config import Config
from vocoder.errors import AudioError, InputError

FEWEST = 3  # the trainer wants two, and one is held out here
REPORT = "report.json"


class PrepareConfig(Config):
    """Everything that decides the set."""

    clean: CleanConfig = CleanConfig()
    speaker: str | None = Field(default=None, description="of all; by default the subfolders' names")
    align: bool = Field(default=True, description="lay phones over recordings that have a text (English)")
    valid_share: float = Field(default=0.05, gt=0, lt=1, description="of the pieces, held out; at least one")


def prepare(
    folder: Path,
    target: Path,
    config: PrepareConfig,
    *,
    workers: int | None = None,
    advance: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> dict[str, Any]:
    """Clean every recording below `folder` into `target`; returns the report.

    `advance` is told the stage ("cleaning", "aligning"), how many recordings are done, and of how many.

    Run again, it does what is new or changed, and takes away what is gone; the pieces that are held out stay
    the same. Stopped at any moment, it goes on there.

    Raises:
        InputError: no recordings, none that is fit, or a target that holds something else.
    """
    sources = find_sources(folder, config.speaker)
    _demand_own(target)
    contents = {source.path: _content(folder / source.path) for source in sources}
    distinct, repeated = _distinct(sources, contents)
    entries = _clean_all(folder, target, distinct, contents, config, workers or os.cpu_count() or 1, advance)
    entries = lay_phones(target, entries, config.align, workers or os.cpu_count() or 1, advance)
    pieces = {name: seconds for entry in entries for name, seconds in entry.pieces.items()}
    if len(pieces) < FEWEST:
        reasons = "; ".join(f"{entry.path}: {entry.reason}" for entry in entries[:5] if entry.reason)
        raise InputError(f"{folder}: {len(pieces)} pieces fit for training, {FEWEST} are needed. {reasons}")
    aligned = {phones_path(Path(name)).name for entry in entries if entry.aligned for name in entry.pieces}
    for path in (*target.glob("*.flac"), *target.glob(f"*{SUFFIX}")):
        if path.name not in pieces and path.name not in aligned:
            path.unlink()
    valid = held_out(pieces, config.valid_share)
    train = [name for name in sorted(pieces) if name not in valid]
    report = _report(folder, config, entries, repeated, pieces, train, valid)
    texts = [f"{name}|{e.text}" for e in entries if e.text for name in e.pieces if len(e.pieces) == 1]
    _put(target / "train.txt", train)
    _put(target / "valid.txt", sorted(valid))
    _put(target / "transcripts.txt", texts)
    _put(target / JOURNAL, [entry.model_dump_json() for entry in entries])
    write_atomically(target / REPORT, (json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode())
    return report


def held_out(names: Iterable[str], share: float) -> set[str]:
    """Those whose hash is low, at least one: a set that grows keeps what it held out."""
    ranked = sorted(names, key=_rank)
    low = {name for name in ranked[:-1] if _rank(name) < share}
    return low or set(ranked[:1])


def _rank(name: str) -> float:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6]) / 2**48


def _clean_all(
    folder: Path,
    target: Path,
    sources: list[Source],
    contents: dict[str, str],
    config: PrepareConfig,
    workers: int,
    advance: Callable[[str, int, int], None],
) -> list[Entry]:
    known = {entry.path: entry for entry in journal(target)}
    target.mkdir(parents=True, exist_ok=True)

    def work(source: Source) -> Entry:
        wanted = source.model_dump_json() + config.clean.model_dump_json()
        fingerprint = contents[source.path] + hashlib.sha256(wanted.encode()).hexdigest()[:16]
        old = known.get(source.path)
        if old and old.fingerprint == fingerprint and all((target / name).is_file() for name in old.pieces):
            return old
        return _clean_one(folder, target, source, config.clean, fingerprint)

    entries = []
    with ThreadPoolExecutor(workers) as pool, noting(target) as note:
        for entry in pool.map(work, sources):
            entries.append(entry)
            note(entry)
            advance("cleaning", len(entries), len(sources))
    return entries


def _clean_one(folder: Path, target: Path, source: Source, config: CleanConfig, fingerprint: str) -> Entry:
    entry = Entry(path=source.path, fingerprint=fingerprint, text=source.text)
    try:
        pieces = clean(*read(folder / source.path), config)
    except (AudioError, Unfit) as error:
        return entry.model_copy(update={"reason": str(error)})
    seconds = {}
    for i, piece in enumerate(pieces):
        path = target / (f"{source.name}-{i:03d}.flac" if len(pieces) > 1 else f"{source.name}.flac")
        temporary = path.with_name(f".{path.name}")
        write(temporary, piece, config.sample_rate, format="flac")
        temporary.replace(path)
        seconds[path.name] = round(len(piece) / config.sample_rate, 3)
    return entry.model_copy(update={"pieces": seconds})


def _content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _distinct(sources: list[Source], contents: dict[str, str]) -> tuple[list[Source], dict[str, str]]:
    """The first of sources with the same content; why not the others."""
    kept: list[Source] = []
    repeated: dict[str, str] = {}
    seen: dict[str, str] = {}
    for source in sources:
        if first := seen.get(contents[source.path]):
            repeated[source.path] = f"the same as {first}"
        else:
            kept.append(source)
            seen[contents[source.path]] = source.path
    return kept, repeated


def _demand_own(target: Path) -> None:
    if target.exists() and not (target / JOURNAL).exists() and any(target.iterdir()):
        raise InputError(f"{target} holds other files: choose a new folder with -o")


def _report(
    folder: Path,
    config: PrepareConfig,
    entries: list[Entry],
    repeated: dict[str, str],
    pieces: dict[str, float],
    train: list[str],
    valid: set[str],
) -> dict[str, Any]:
    left_out = {entry.path: entry.reason for entry in entries if entry.reason} | repeated
    return {
        "folder": str(folder),
        "config": config.model_dump(mode="json"),
        "recordings": len(entries) + len(repeated),
        "kept": len(entries) + len(repeated) - len(left_out),
        "pieces": len(pieces),
        "minutes": round(sum(pieces.values()) / 60, 2),
        "train_minutes": round(sum(pieces[name] for name in train) / 60, 2),
        "valid_minutes": round(sum(pieces[name] for name in valid) / 60, 2),
        "speakers": sorted({name.partition("_")[0] for name in pieces}),
        "transcripts": sum(entry.text is not None and bool(entry.pieces) for entry in entries),
        "left_out": left_out,
        "aligned": sum(entry.aligned for entry in entries),
        "not_aligned": {entry.path: entry.unaligned for entry in entries if entry.unaligned},
    }


def _put(path: Path, lines: Iterable[str]) -> None:
    write_atomically(path, "".join(f"{line}\n" for line in lines).encode())
