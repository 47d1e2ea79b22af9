"""Phones laid over recordings: in order, without gaps, kept on disk; transcripts read, or refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.data.alignment import (
    PHONES,
    Alignment,
    Unalignable,
    _without_gaps,
    align,
    transcripts,
    words_of,
)
from training.recipes.classifier import ClassifierRecipe, train_classifier
from vocoder.audio import read
from vocoder.config import parse_config
from vocoder.errors import ConfigError, InputError

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


@pytest.mark.parametrize("text", [None, "", "name|text\na|b\n"])
def test_transcripts_that_are_none_are_refused(tmp_path, text):
    if text is not None:
        (tmp_path / "metadata.csv").write_text(text)
    with pytest.raises(InputError, match="transcripts: "):
        transcripts(tmp_path)


def test_transcripts_are_read(tmp_path):
    (tmp_path / "metadata.csv").write_text('id|transcript|extra\na|He said "so".|1\nb||2\n')
    assert transcripts(tmp_path) == {"a": 'He said "so".', "b": ""}


class TestWithPocketsphinx:
    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("pocketsphinx", reason="aligning phones needs the align extra")

    def test_a_recording_and_what_is_said_in_it(self, tmp_path):
        audio, rate = read(CLIPS / "LJ001-0002.flac")
        alignment = align(audio.numpy(), rate, SAID, tmp_path)
        assert alignment.begins[0] == 0
        assert (np.diff(alignment.begins) > 0).all()
        assert len(audio) / rate - 0.5 < alignment.begins[-1] <= len(audio) / rate
        names = [PHONES[i] for i in alignment.phones if i]
        assert names[:2] == ["IH", "N"]
        assert names[-1] == "N"
        assert 20 <= len(names) <= 30
        (kept,) = tmp_path.iterdir()
        assert json.loads(kept.read_text())
        assert np.array_equal(align(audio.numpy(), rate, SAID, tmp_path).begins, alignment.begins)

    @pytest.mark.parametrize("text", ["", "in being xqzzy modern"])
    def test_what_cannot_be_aligned_says_why(self, tmp_path, text):
        audio, rate = read(CLIPS / "LJ001-0002.flac")
        with pytest.raises(Unalignable, match="not in the dictionary"):
            align(audio.numpy(), rate, text, tmp_path)

    def test_a_classifier_learns_and_resumes_exactly(self, tmp_path):
        recipe = self.recipe(tmp_path)
        assert train_classifier(recipe, tmp_path / "run", max_minutes=0.0, progress=False) is None
        path = train_classifier(recipe, tmp_path / "run", progress=False)
        again = train_classifier(recipe, tmp_path / "other", progress=False)
        logs = [(p.parent / "flow" / "metrics.jsonl").read_text().splitlines() for p in (path, again)]
        figures = [[{**json.loads(line), "cpu_seconds": 0} for line in log] for log in logs]
        assert figures[0] == figures[1]
        evaluated = [line for line in figures[0] if "valid_accuracy" in line]
        assert evaluated[-1]["valid_cross_entropy"] < np.log(len(PHONES))

    def test_recordings_that_cannot_be_aligned_are_told(self, tmp_path):
        recipe = self.recipe(tmp_path, "zzyzx")
        with pytest.raises(ConfigError, match=r"0 recordings could be aligned.*zzyzx"):
            train_classifier(recipe, tmp_path / "run", progress=False)

    def recipe(self, root: Path, said: str = SAID) -> ClassifierRecipe:
        lines = ["id|transcript"]
        for name in ("one", "two"):
            (root / f"{name}.flac").write_bytes((CLIPS / "LJ001-0002.flac").read_bytes())
            lines.append(f"{name}|{said}")
        (root / "metadata.csv").write_text("\n".join(lines))
        (root / "list.txt").write_text("one\ntwo\n")
        small = {"layers": 2, "channels": 8}
        values = {
            "name": "tiny",
            "model": {"near": small, "far": small},
            "data": {"root": root, "sources": [{"folder": ".", "list": "list.txt"}], "cache": root / "cache"},
            "segments": {"batch": 2, "frames": 64},
            "flow": {"steps": 6, "log_every": 1, "evaluate_every": 3, "save_every": 2},
        }
        return parse_config(ClassifierRecipe, values, "tiny")
