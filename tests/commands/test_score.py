"""`vocoder score`: table, JSON and picture say what the library says."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from vocoder.audio import read, resample, write
from vocoder.checkpoints import load
from vocoder.cli import app
from vocoder.inference.scoring import prepare, score
from vocoder.models import Student, Vocoder

DATA = Path(__file__).parent.parent / "data"
CLIPS = sorted(DATA.glob("*.flac"))


@pytest.fixture
def run(teacher_voice, tmp_path, monkeypatch):
    """Runs `vocoder score` in an empty folder; its status must be the one expected."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, status=0):
        result = CliRunner().invoke(app, ["score", *map(str, arguments)], env={"COLUMNS": "200"})
        assert result.exit_code == status, result.output
        return result

    return run


def test_json_is_the_librarys(run):
    said = json.loads(run(CLIPS[0], "--json").stdout)
    voice = load("teacher")
    expected = score(voice, prepare(*read(CLIPS[0]), voice.mel_spec))
    assert (said["voice"], said["kind"], said["sample_rate"], said["hop_length"]) == (
        "teacher",
        "exact",
        22050,
        256,
    )
    (file,) = said["files"]
    assert file["bits_per_sample"] == pytest.approx(expected.bits_per_sample, abs=1e-4)
    assert file["curve"] == pytest.approx(expected.curve.tolist(), abs=1e-3)
    assert file["resampled_from"] is None


def test_the_table_has_every_file_and_all_of_them_by_duration(run):
    files = json.loads(run(*CLIPS, "--json").stdout)["files"]
    table = run(*CLIPS).stdout
    mean = sum(f["bits_per_sample"] * f["seconds"] for f in files) / sum(f["seconds"] for f in files)
    for shown in [
        *(path.name for path in CLIPS),
        *(f"{f['bits_per_sample']:.3f}" for f in files),
        f"{mean:.3f}",
    ]:
        assert shown in table


def test_another_rate_is_resampled_with_a_note(run):
    audio, rate = read(CLIPS[0])
    write("slow.wav", resample(audio, rate, 16000), 16000)
    assert "resampled from 16000 Hz to 22050 Hz" in run("slow.wav").stdout
    assert json.loads(run("slow.wav", "--json").stdout)["files"][0]["resampled_from"] == 16000


def test_more_bits_than_pcm_takes_are_noted(run, monkeypatch):
    assert "foresee" not in run(CLIPS[0], "--json").stdout
    monkeypatch.setattr("vocoder.commands.score.PCM_BITS", 1)
    assert "more than the 1 of PCM" in run(CLIPS[0], "--json").stdout


def test_the_picture_is_drawn(run):
    run(*CLIPS, "-o", "score.png")
    assert Image.open("score.png").width > 1000


def test_all_that_are_missing_are_named_before_the_work(run, monkeypatch):
    monkeypatch.setattr("vocoder.checkpoints.load", lambda *_, **__: pytest.fail("a voice is loaded"))
    error = run(CLIPS[0], "none.wav", "neither.wav", status=2).stderr
    assert error == "vocoder: no such file: none.wav, neither.wav\n"


def test_a_voice_without_figures_is_one_line(run, monkeypatch):
    monkeypatch.setattr(Student, "score", Vocoder.score)
    error = run(CLIPS[0], "--voice", "student", status=1).stderr
    assert error.count("\n") == 1
    assert "another voice" in error


BAD = {
    "no such file": ("none.wav",),
    "not audio": ("text",),
    "too little": ("short.wav",),
    "an unknown voice": (CLIPS[0], "--voice", "nobody"),
    "an unknown picture": (CLIPS[0], "-o", "x.gif"),
    "a folder that cannot be": (CLIPS[0], "-o", "text/x.png"),
    "too many for a picture": (*[CLIPS[0]] * 13, "-o", "x.png"),
}


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_status_2(run, tmp_path, arguments):
    (tmp_path / "text").write_text("neither")
    write(tmp_path / "short.wav", torch.zeros(100), 22050)
    result = run(*arguments, status=2)
    assert result.stderr.startswith("vocoder: ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
