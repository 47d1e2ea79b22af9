"""Phones laid over recordings: in order, without gaps, kept on disk; transcripts read, or refused."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from training.data.alignment import (
    PHONES,
    Alignment,
    Unalignable,
    _decoder,
    _without_gaps,
    align,
    align_once,
    transcripts,
    words_of,
)
from vocoder.audio import read
from vocoder.errors import InputError, MissingExtra

CLIPS = Path(__file__).parent.parent / "data"
SAID = "in being comparatively modern."


def test_words_are_spelled_as_in_the_dictionary():
    assert words_of("“Well-known, isn’t it?” 'Yes'") == ["well", "known", "isn't", "it", "yes"]


def test_silence_fills_the_gaps():
    spoken = [("DH", 3, 2), ("AH", 5, 4), ("SIL", 12, 3), ("K", 20, 2)]
    found = [(name, round(100 * begin)) for name, begin in _without_gaps(spoken)]
    assert found == [("SIL", 0), ("DH", 3), ("AH", 5), ("SIL", 9), ("K", 20), ("SIL", 22)]
    assert _without_gaps([("K", 0, 2)]) == [("K", 0.0), ("SIL", 0.02)]


def test_every_time_has_a_phone():
    alignment = Alignment(np.array([0, 5, 7]), np.array([0.0, 0.1, 0.3]))
    assert alignment.at(np.array([-1.0, 0.0, 0.05, 0.1, 0.29, 0.3, 9.0])).tolist() == [0, 0, 0, 5, 5, 7, 7]


@pytest.mark.parametrize("text", [None, b"", b"name|text\na|b\n", b"id|transcript\na|caf\xe9\n"])
def test_transcripts_that_are_none_are_refused(tmp_path, text):
    if text is not None:
        (tmp_path / "metadata.csv").write_bytes(text)
    with pytest.raises(InputError, match="transcripts: "):
        transcripts(tmp_path)


def test_a_part_of_an_alignment_says_the_same_at_its_own_times():
    whole = Alignment(np.array([0, 5, 7, 0]), np.array([0.0, 0.1, 0.3, 0.5]))
    for begin, end in ((0.0, 0.6), (0.05, 0.3), (0.1, 0.2), (0.15, 0.55), (0.4, 9.0)):
        part = whole.between(begin, end)
        assert part.begins[0] == 0
        times = np.linspace(begin, end, 50, endpoint=False)
        assert part.at(times - begin).tolist() == whole.at(times).tolist()


def test_transcripts_of_a_prepared_set_are_read(tmp_path):
    (tmp_path / "transcripts.txt").write_text("me_a.flac|so | so\n")
    assert transcripts(tmp_path) == {"me_a": "so | so"}


def test_transcripts_are_read(tmp_path):
    (tmp_path / "metadata.csv").write_text('id|transcript|extra\na|He said "so".|1\nb||2\n')
    assert transcripts(tmp_path) == {"a": 'He said "so".', "b": ""}


def test_without_the_package_its_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    _decoder.cache_clear()
    with pytest.raises(MissingExtra, match=r"vocoder\[align\]"):
        align_once(np.zeros(16_000, dtype=np.float32), 16_000, SAID, tmp_path)
    assert not list(tmp_path.iterdir())


class TestWithPocketsphinx:
    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("pocketsphinx", reason="aligning phones needs the align extra")

    def test_a_recording_and_what_is_said_in_it(self, tmp_path):
        audio, rate = read(CLIPS / "LJ001-0002.flac")
        alignment = align_once(audio.numpy(), rate, SAID, tmp_path)
        assert alignment.begins[0] == 0
        assert (np.diff(alignment.begins) > 0).all()
        assert len(audio) / rate - 0.5 < alignment.begins[-1] <= len(audio) / rate
        names = [PHONES[i] for i in alignment.phones if i]
        assert names[:2] == ["IH", "N"]
        assert names[-1] == "N"
        assert 20 <= len(names) <= 30
        (kept,) = tmp_path.iterdir()
        assert json.loads(kept.read_text())
        assert np.array_equal(align_once(audio.numpy(), rate, SAID, tmp_path).begins, alignment.begins)

    @pytest.mark.parametrize(
        ("text", "why"),
        [("", "without words"), ("in being xqzzy modern", "not in the dictionary: xqzzy$")],
    )
    def test_what_cannot_be_aligned_says_why(self, tmp_path, text, why):
        audio, rate = read(CLIPS / "LJ001-0002.flac")
        with pytest.raises(Unalignable, match=why):
            align_once(audio.numpy(), rate, text, tmp_path)
        assert not list(tmp_path.iterdir())

    def test_speech_that_is_too_short_for_its_transcript_is_refused(self):
        audio, rate = read(CLIPS / "LJ001-0002.flac")
        with pytest.raises(Unalignable, match="does not fit its transcript"):
            align(audio[: rate // 10].numpy(), rate, SAID)
