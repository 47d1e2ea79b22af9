"""Every phone is in one class, and frames take the class of their phone."""

from pathlib import Path

import numpy as np

from training.data.alignment import PHONES, Alignment
from training.data.phone_classes import CLASSES, PhoneClasses
from training.data.phones import phones_path, write_phones
from vocoder.evaluation import Clip

SILENT = np.zeros(16_000)


def test_classes_partition_the_phones() -> None:
    assert sorted(phone for names in CLASSES.values() for phone in names.split()) == sorted(PHONES)


def test_frames_take_the_class_of_the_phone_beside_the_recording(tmp_path: Path) -> None:
    recording = tmp_path / "a.flac"
    write_phones(phones_path(recording), Alignment.of([("SIL", 0.0), ("S", 0.2), ("IY", 0.4)]), 1.0)
    labels = PhoneClasses().label(Clip("a", recording), SILENT, 16_000, np.array([0.1, 0.3, 0.9]))
    assert labels is not None
    assert [PhoneClasses.classes[i] for i in labels] == ["silence", "fricatives", "vowels"]


def test_a_recording_without_transcript_is_not_divided(tmp_path: Path) -> None:
    assert PhoneClasses().label(Clip("a", tmp_path / "a.flac"), SILENT, 16_000, np.array([0.1])) is None
