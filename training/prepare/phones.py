"""Phones laid over every recording that has a text, and written beside its pieces."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import torch

from training.data.alignment import Unalignable, align
from training.data.phones import phones_path, write_phones
from training.prepare.journal import Entry, noting
from vocoder.audio import read
from vocoder.processes import worker_pool

NO_ALIGNER = "pocketsphinx is not installed: pip install 'vocoder[align]', then prepare again"


def lay_phones(
    target: Path,
    entries: list[Entry],
    wanted: bool,
    workers: int,
    advance: Callable[[str, int, int], None],
) -> list[Entry]:
    """The entries, those with a text aligned or told why not; what was tried before is not tried again.

    A text goes with the whole recording: this is aligned as a whole, also where it was cut into pieces.
    """
    if not wanted:
        return [entry.model_copy(update={"aligned": False, "unaligned": None}) for entry in entries]
    if not find_spec("pocketsphinx"):
        missing = {"unaligned": NO_ALIGNER}
        return [entry.model_copy(update=missing) if _due(target, entry) else entry for entry in entries]
    due = [entry for entry in entries if _due(target, entry)]
    if not due:
        return entries
    done: dict[str, Entry] = {}
    with worker_pool(min(workers, len(due))) as pool, noting(target) as note:
        for entry in pool.map(partial(_align_one, target), due):
            done[entry.path] = entry
            note(entry)
            advance("aligning", len(done), len(due))
    return [done.get(entry.path, entry) for entry in entries]


def _due(target: Path, entry: Entry) -> bool:
    there = all(phones_path(target / name).is_file() for name in entry.pieces)
    tried = (entry.aligned and there) or entry.unaligned not in (None, NO_ALIGNER)
    return bool(entry.text and entry.pieces) and not tried


def _align_one(target: Path, entry: Entry) -> Entry:
    torch.set_num_threads(1)
    read_pieces = [read(target / name) for name in entry.pieces]
    rate, waves = read_pieces[0][1], [audio for audio, _ in read_pieces]
    try:
        whole = align(torch.cat(waves).numpy(), rate, entry.text or "")
    except Unalignable as error:
        return entry.model_copy(update={"aligned": False, "unaligned": str(error)})
    begin = 0.0
    for name, wave in zip(entry.pieces, waves, strict=True):
        seconds = len(wave) / rate
        write_phones(phones_path(target / name), whole.between(begin, begin + seconds), seconds)
        begin += seconds
    return entry.model_copy(update={"aligned": True, "unaligned": None})
