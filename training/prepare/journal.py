"""What became of each recording, a line of JSON each: what is done is not done again."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field

from vocoder.config import Config, parse_config

JOURNAL = ".journal.jsonl"


class Entry(Config):
    """What became of one recording."""

    path: str
    fingerprint: str
    pieces: dict[str, float] = Field(default={}, description="seconds of each")
    reason: str | None = Field(default=None, description="why it is left out")
    text: str | None = None
    aligned: bool = Field(default=False, description="phones lie beside its pieces")
    unaligned: str | None = Field(default=None, description="why there are none, though it has a text")


def journal(target: Path) -> Iterator[Entry]:
    """The entries of a set, the last of a recording being what holds."""
    path = target / JOURNAL
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.endswith("}"):  # the last one may be torn
            yield parse_config(Entry, json.loads(line), str(path))


@contextmanager
def noting(target: Path) -> Iterator[Callable[[Entry], None]]:
    """Appends entries, each on the disk's way before the next is begun."""
    with (target / JOURNAL).open("a") as file:

        def note(entry: Entry) -> None:
            file.write(entry.model_dump_json() + "\n")
            file.flush()

        yield note
