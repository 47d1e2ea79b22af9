"""Which phone is spoken when: a recording aligned with its transcript.

The aligner is pocketsphinx with the English model that its package carries; phones are those of the CMU
dictionary (ARPAbet, 39 without stress) and silence.
"""

import csv
import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from vocoder.audio import resample
from vocoder.checkpoints.format import write_atomically
from vocoder.errors import InputError, MissingExtra

RATE = 16_000
FRAME = 0.01  # seconds
SILENCE = "SIL"
_SPOKEN = """
    AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH
"""
PHONES = (SILENCE, *_SPOKEN.split())
_NOT_LETTERS = re.compile(r"[^a-z' ]+")


class Unalignable(InputError):
    """A recording that the aligner cannot lay its transcript over; says why."""


class Alignment(NamedTuple):
    """Phones one after the other, without gaps: their numbers in `PHONES`, and where each begins."""

    phones: NDArray[np.int64]
    begins: NDArray[np.float64]  # seconds; the first is 0

    def at(self, seconds: NDArray[np.float64]) -> NDArray[np.int64]:
        """The phone at each time; silence before the start, the last phone after the end."""
        index = np.searchsorted(self.begins, seconds, side="right") - 1
        return np.where(index < 0, 0, self.phones[np.maximum(index, 0)])

    def between(self, begin: float, end: float) -> "Alignment":
        """What is said from `begin` to `end` (seconds), its time counted from `begin`."""
        first = max(0, int(np.searchsorted(self.begins, begin, side="right")) - 1)
        last = int(np.searchsorted(self.begins, end))
        return Alignment(self.phones[first:last], np.maximum(self.begins[first:last] - begin, 0.0))

    @classmethod
    def of(cls, entries: list[tuple[str, float]]) -> "Alignment":
        """Phones by name, each with its beginning; raises `ValueError` for a name not in `PHONES`."""
        names, begins = zip(*entries, strict=True)
        return cls(np.array([PHONES.index(name) for name in names]), np.array(begins, dtype=np.float64))


def transcripts(folder: Path) -> dict[str, str]:
    """Names of recordings, without suffix, and what is said.

    `id` and `transcript` of `metadata.csv`, or the `name|text` of a prepared set's `transcripts.txt`.

    Raises:
        InputError: no such file, one that is not UTF-8, or without these columns.
    """
    path = folder / "metadata.csv"
    prepared = folder / "transcripts.txt"
    if prepared.is_file() and not path.exists():
        pairs = (line.partition("|") for line in prepared.read_text(errors="replace").splitlines())
        return {Path(name).stem: text for name, _, text in pairs}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="|", quoting=csv.QUOTE_NONE))
    except OSError as error:
        raise InputError(f"transcripts: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"transcripts: {path} must be UTF-8; byte {error.start} is not") from None
    if not rows or not {"id", "transcript"} <= rows[0].keys():
        raise InputError(f"transcripts: {path} needs a first line with id|transcript, and one a recording")
    return {row["id"]: row["transcript"] or "" for row in rows}


def words_of(transcript: str) -> list[str]:
    """As the dictionary spells them: lower case, without punctuation."""
    plain = transcript.lower().replace("’", "'").replace("-", " ")
    return [word.strip("'") for word in _NOT_LETTERS.sub(" ", plain).split() if word.strip("'")]


def align_once(audio: NDArray[np.float32], sample_rate: int, transcript: str, folder: Path) -> Alignment:
    """The alignment of a recording, out of the cache in `folder` if it is there.

    Raises:
        Unalignable, MissingExtra: as `align`.
    """
    text = " ".join(words_of(transcript))
    key = hashlib.sha256(text.encode() + np.ascontiguousarray(audio).tobytes()).hexdigest()[:24]
    path = folder / f"{key}.json"
    if path.exists():
        entries = json.loads(path.read_text())
        return Alignment.of([(name, begin) for name, begin in entries])
    found = align(audio, sample_rate, transcript)
    entries = [(PHONES[phone], begin) for phone, begin in zip(found.phones, found.begins, strict=True)]
    write_atomically(path, json.dumps(entries).encode())
    return found


def align(audio: NDArray[np.float32], sample_rate: int, transcript: str) -> Alignment:
    """The phones of `transcript`, laid over a recording.

    Raises:
        Unalignable: no words, one that the dictionary lacks, or speech that is not what the transcript says.
        MissingExtra: pocketsphinx is not installed.
    """
    speech = resample(torch.from_numpy(audio), sample_rate, RATE).numpy()
    return Alignment.of(_aligned(speech, words_of(transcript)))


def _aligned(speech: NDArray[np.float32], words: list[str]) -> list[tuple[str, float]]:
    """Phones and their beginnings in seconds; what is between and around words is silence."""
    decoder = _decoder()
    if not words:
        raise Unalignable("transcript: none, or one without words")
    unknown = [word for word in dict.fromkeys(words) if decoder.lookup_word(word) is None]
    if unknown:
        raise Unalignable(f"transcript: not in the dictionary: {', '.join(unknown)}")
    pcm = np.rint(np.clip(speech, -1, 1) * 32767).astype(np.int16).tobytes()
    decoder.set_align_text(" ".join(words))
    _decode(decoder, pcm)
    if decoder.hyp() is None:
        raise Unalignable("the speech does not fit its transcript")
    try:
        decoder.set_alignment()
    except RuntimeError:
        raise Unalignable("the speech does not fit its transcript") from None
    _decode(decoder, pcm)
    spoken = [phone for word in decoder.get_alignment() for phone in word]
    return _without_gaps([(_plain(phone.name), phone.start, phone.duration) for phone in spoken])


def _decode(decoder: Any, pcm: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()


def _without_gaps(spoken: list[tuple[str, int, int]]) -> list[tuple[str, float]]:
    """Silence wherever nothing is said; neighbouring silences are one."""
    entries = [(SILENCE, 0)]
    end = 0
    for name, start, duration in [*spoken, (SILENCE, sum(spoken[-1][1:]), 0)]:
        if start > end and entries[-1][0] != SILENCE:
            entries.append((SILENCE, end))
        if name != SILENCE or entries[-1][0] != SILENCE:
            entries.append((name, start))
        end = start + duration
    if len(entries) > 1 and entries[1][1] == 0:
        entries.pop(0)
    return [(name, frame * FRAME) for name, frame in entries]


def _plain(name: str) -> str:
    """Noises, breaths and fillers count as silence."""
    return name if name in PHONES else SILENCE


@cache
def _decoder() -> Any:
    try:
        from pocketsphinx import Decoder
    except ImportError:
        raise MissingExtra("aligning phones needs pocketsphinx: pip install 'vocoder[align]'") from None
    return Decoder(lm=None, samprate=RATE, loglevel="FATAL", bestpath=False)
