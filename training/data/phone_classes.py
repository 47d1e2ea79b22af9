"""Frames of a recording by the class of their phone, where it has a transcript: for `vocoder parity`."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from training.data.alignment import PHONES, SILENCE, Alignment, Unalignable, align, transcripts
from training.data.phones import phones_path, read_phones
from vocoder.errors import InputError, MissingExtra
from vocoder.evaluation.manifest import Clip

CLASSES = {
    "silence": SILENCE,
    "vowels": "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW",
    "nasals": "M N NG",
    "stops": "B D G K P T",
    "fricatives": "DH F HH S SH TH V Z ZH",
    "affricates": "CH JH",
    "liquids and glides": "L R W Y",
}
"""Of the CMU dictionary's phones, each in one class."""
_NAMES = tuple(CLASSES)
_CLASS_OF = np.array(
    [next(i for i, name in enumerate(_NAMES) if phone in CLASSES[name].split()) for phone in PHONES]
)


@dataclass(frozen=True)
class PhoneClasses:
    """Classes of phones, out of `NAME.phones` beside a recording, or laid over it by its transcript."""

    name: ClassVar[str] = "phone"
    classes: ClassVar[tuple[str, ...]] = _NAMES
    meaning: ClassVar[str] = (
        "Phones were laid over the recordings that have an English transcript in their folder, by forced "
        "alignment, whose bounds are good to about 10 ms"
    )

    def label(
        self,
        clip: Clip,
        audio: Float[np.ndarray, "sample"],
        sample_rate: int,
        seconds: Float[np.ndarray, "frame"],
    ) -> Int[np.ndarray, "frame"] | None:
        """The class of the phone at each time; None without phones, transcript or aligner, or no fit."""
        alignment = _alignment(clip.path, audio, sample_rate)
        return None if alignment is None else _CLASS_OF[alignment.at(seconds)]


def _alignment(path: Path, audio: Float[np.ndarray, "sample"], sample_rate: int) -> Alignment | None:
    written = phones_path(path)
    if written.is_file():
        return read_phones(written)
    transcript = _transcripts(path.parent).get(path.stem)
    if not transcript:
        return None
    try:
        return align(audio.astype(np.float32), sample_rate, transcript)
    except (Unalignable, MissingExtra):
        return None


@cache
def _transcripts(folder: Path) -> dict[str, str]:
    """None at all for a folder whose list has no transcripts."""
    try:
        return transcripts(folder)
    except InputError:
        return {}
