"""Phones beside a recording, as text: `NAME.phones`.

A phone a line, from the first sample to the last: when it begins and ends, in seconds, and its name, with
tabs between them. Audacity and Praat's kin read that as a track of labels.

0.000	0.110	SIL
0.110	0.190	IH
"""

from pathlib import Path

from training.data.alignment import PHONES, Alignment
from vocoder.checkpoints.format import write_atomically
from vocoder.errors import InputError

SUFFIX = ".phones"


def phones_path(recording: Path) -> Path:
    """Where the phones of a recording lie, if they were aligned."""
    return recording.with_suffix(SUFFIX)


def write_phones(path: Path, alignment: Alignment, seconds: float) -> None:
    """Write the phones of a recording of `seconds`, whole or not at all."""
    begins = [round(float(begin), 3) for begin in alignment.begins]
    ends = [*begins[1:], max(round(seconds, 3), begins[-1])]
    lines = (
        f"{begin:.3f}\t{end:.3f}\t{PHONES[phone]}\n"
        for begin, end, phone in zip(begins, ends, alignment.phones, strict=True)
    )
    write_atomically(path, "".join(lines).encode())


def read_phones(path: Path) -> Alignment:
    """The phones of a file that `write_phones` made, or a person.

    Raises:
        InputError: a line that is not begin, end and phone; phones that overlap or leave a gap; none at all.
    """
    entries, end = [], 0.0
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        try:
            begin, until, name = line.split("\t")
            fits = float(begin) == end <= float(until) and name in PHONES
        except ValueError:
            fits = False
        if not fits:
            raise InputError(
                f"{path}, line {number}: expected the begin ({end:.3f}, where the last ends), the end and "
                f"one of the phones {', '.join(PHONES)}, with tabs between them; got {line[:80]!r}"
            )
        entries.append((name, end))
        end = float(until)
    if not entries:
        raise InputError(f"{path} holds no phones: delete it, or prepare the recordings again")
    return Alignment.of(entries)
