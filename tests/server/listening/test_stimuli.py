"""Sounds that differ in nothing but their sound: length, size, loudness; made once."""

import json

import numpy as np
import pytest

from server.listening.definition import LOW_ANCHOR, MID_ANCHOR, RECORDING, Kind, read_test
from server.listening.prepared import prepare_test
from server.listening.stimuli import FOLDER, LOUDNESS, matched
from vocoder.audio import read
from vocoder.errors import InputError
from vocoder.evaluation import Clip
from vocoder.evaluation.loudness import loudness

from .conftest import CLIPS


def test_all_of_a_clip_have_one_size_one_rate_and_one_loudness(folder):
    test = read_test(folder)
    assert test.sample_rate == 24000  # of the faster voice
    for files in test.files.values():
        assert files.keys() == {"student", "wide", RECORDING, LOW_ANCHOR, MID_ANCHOR}
        paths = [folder / FOLDER / name for name in files.values()]
        assert len({path.stat().st_size for path in paths}) == 1
        assert len({path.read_bytes()[:44] for path in paths}) == 1
        for path in paths:
            audio, rate = read(path)
            assert rate == 24000
            assert loudness(audio.double().numpy(), rate) == pytest.approx(LOUDNESS, abs=0.05)


def test_names_of_files_tell_nothing(folder):
    for path in (folder / FOLDER).iterdir():
        assert not any(word in path.name for word in ("student", "wide", "recording", "anchor", "LJ"))


def test_what_would_clip_is_lower_alike():
    rng = np.random.default_rng(0)
    quiet, peaky = rng.normal(0, 0.01, 24000), rng.normal(0, 0.001, 24000)
    peaky[12000] = 1.0
    sounds = matched({"a": quiet, "b": peaky}, 24000, "clip")
    assert max(np.abs(sound).max() for sound in sounds.values()) == pytest.approx(0.99)
    levels = [loudness(sound, 24000) for sound in sounds.values()]
    assert levels[0] == pytest.approx(levels[1], abs=0.01)
    with pytest.raises(InputError, match="clip, b: it is silent"):
        matched({"a": quiet, "b": np.zeros(24000)}, 24000, "clip")


def test_the_same_command_goes_on_with_the_same_test(folder, voices, monkeypatch):
    before = {path: path.stat().st_mtime_ns for path in (folder / FOLDER).iterdir()}
    again = prepare_test(folder, CLIPS, ["student", "wide"], mid_anchor=True, seed=3)
    assert again.secret == json.loads((folder / "test.json").read_text())["secret"]
    assert {path: path.stat().st_mtime_ns for path in (folder / FOLDER).iterdir()} == before
    for change in ({"seed": 4}, {"mid_anchor": False}, {"kinds": [Kind.MOS]}):
        with pytest.raises(InputError, match="holds another test"):
            prepare_test(folder, CLIPS, ["student", "wide"], **{"mid_anchor": True, "seed": 3} | change)


@pytest.mark.parametrize(
    ("clips", "voices_", "baselines", "words"),
    [
        (CLIPS, [], [], "nothing to listen to"),
        (CLIPS, [], ["recording"], "nothing to listen to"),
        (CLIPS, ["student", "student"], [], "two things would be called 'student'"),
        ([CLIPS[0], CLIPS[0]], ["student"], [], "two things would be called 'LJ"),
        ([Clip("a", CLIPS[0].path)], ["stupent"], [], "stupent"),
    ],
)
def test_what_cannot_be_compared_is_refused(voices, tmp_path, clips, voices_, baselines, words):
    with pytest.raises(InputError, match=words):
        prepare_test(tmp_path / "test", clips, voices_, baselines)
    assert not (tmp_path / "test" / "test.json").exists()


def test_more_signals_than_bs_1534_allows_are_refused(voices, tmp_path):
    import shutil

    for i in range(11):
        shutil.copy(voices / "student.safetensors", voices / f"v{i}.safetensors")
    with pytest.raises(InputError, match="13 signals in a trial of MUSHRA"):
        prepare_test(tmp_path / "test", CLIPS, [f"v{i}" for i in range(11)])
