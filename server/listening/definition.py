"""What is compared: clips, conditions, tests; written once, in `test.json`."""

import json
from enum import StrEnum
from pathlib import Path

from pydantic import Field

from vocoder.config import Config, parse_config
from vocoder.errors import InputError

FILE = "test.json"
RECORDING = "recording"
LOW_ANCHOR, MID_ANCHOR = "anchor-3.5k", "anchor-7k"
MOST = 12
"""Signals in a trial of MUSHRA (BS.1534-3)."""


class Kind(StrEnum):
    """How listeners are asked."""

    MOS = "mos"
    MUSHRA = "mushra"


class ListeningTest(Config):
    """A listening test. `files` has the sound of each clip under each condition, by name in `stimuli/`."""

    title: str
    seed: int = Field(ge=0, description="of every order that listeners are given")
    secret: str = Field(description="hexadecimal; names of sounds are made with it")
    sample_rate: int = Field(description="Hz, of every sound")
    loudness: float = Field(description="LUFS, of every sound")
    kinds: list[Kind] = Field(min_length=1, description="in the order they are taken")
    systems: list[str] = Field(description="under test")
    clips: list[str] = Field(min_length=1)
    mid_anchor: bool
    files: dict[str, dict[str, str]]

    def conditions(self, kind: Kind) -> list[str]:
        """What a clip is heard under: MOS the systems and the recording, MUSHRA the anchors as well."""
        anchors = [LOW_ANCHOR, *[MID_ANCHOR] * self.mid_anchor] if kind is Kind.MUSHRA else []
        return [*self.systems, RECORDING, *anchors]

    def same(self, other: "ListeningTest") -> bool:
        """Whether it asks the same of listeners; each has a secret of its own."""
        return self.model_copy(update={"secret": ""}) == other.model_copy(update={"secret": ""})


def read_test(folder: Path) -> ListeningTest:
    """The test of a folder; raises `InputError` where there is none."""
    try:
        text = (folder / FILE).read_text()
    except OSError:
        raise InputError(
            f"{folder} holds no listening test: begin one with vocoder listen MANIFEST --to {folder}"
        ) from None
    return parse_config(ListeningTest, json.loads(text), str(folder / FILE))
