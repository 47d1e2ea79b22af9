"""A clip's name says who speaks."""

import doctest

import pytest

from vocoder.evaluation import speakers
from vocoder.evaluation.speakers import speaker_of


@pytest.mark.parametrize(
    ("clip", "speaker"),
    [
        ("multi/libri1688_librispeech16k_142285_0003.flac", "libri1688"),
        ("more/css10-tux_bailen_0033.flac", "css10-tux"),
        ("kathleen/kathleen_arctic_a0274", "kathleen"),
        ("ljspeech/LJ001-0038", "ljspeech"),
        ("LJ001-0038", ""),
        ("my_recordings/0001.wav", "my_recordings"),
    ],
)
def test_speakers_are_told_by_file_or_folder(clip: str, speaker: str) -> None:
    assert speaker_of(clip) == speaker


def test_the_example_is_true() -> None:
    assert doctest.testmod(speakers) == (0, 1)
