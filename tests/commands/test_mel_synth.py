"""`vocoder mel` and `vocoder synth`: files, pipes and JSON give what the library gives."""

import errno
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from vocoder.audio import read, to_pcm16
from vocoder.checkpoints import load
from vocoder.cli import app
from vocoder.inference.fitting import fit_mel
from vocoder.mel import DIALECTS, MelFrontend
from vocoder.mel.files import decode_mel
from vocoder.samples import DEFAULT_SAMPLE, SAMPLES

NVIDIA = DIALECTS["nvidia"]
SPEECH = SAMPLES[DEFAULT_SAMPLE]


@pytest.fixture
def run(voices, tmp_path, monkeypatch):
    """Runs the command in an empty folder; its status must be the one expected."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, status=0, stdin=None):
        result = CliRunner().invoke(app, list(map(str, arguments)), input=stdin)
        assert result.exit_code == status, result.output
        return result

    return run


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """The first second of a recording, at another rate than the voices'."""
    from vocoder.audio import resample, write

    audio, rate = read(SPEECH)
    path = tmp_path_factory.mktemp("speech") / "short.wav"
    write(path, resample(audio[:rate], rate, 16000), 16000)
    return path


def same(path, expected):
    """Equal to 1e-4 of full scale, after rounding to 16 bits."""
    audio, _ = read(path)
    return (to_pcm16(audio).int() - to_pcm16(expected).int()).abs().max() <= 4


@pytest.mark.parametrize("suffix", ["npy", "safetensors", "json"])
def test_mel_is_the_front_end_of_the_recording(run, suffix):
    run("mel", SPEECH, "-o", f"x.{suffix}")
    mel = decode_mel(Path(f"x.{suffix}").read_bytes(), suffix).mel
    assert torch.equal(mel, MelFrontend(NVIDIA)(read(SPEECH)[0]))


def test_mel_says_what_it_wrote(run, short):
    said = json.loads(run("mel", short, "-o", "x.npy", "--dialect", "vocos", "--json").stdout)
    assert said["shape"] == list(np.load("x.npy").shape) == [100, 94]
    assert said["fingerprint"] == DIALECTS["vocos"].fingerprint
    assert said["seconds"] == pytest.approx(1.0)


def test_mel_for_a_voice_is_its_analysis(run, short):
    said = json.loads(run("mel", short, "-o", "x.npy", "--voice", "wide", "--json").stdout)
    assert said["dialect"] == "vocos"


@pytest.mark.parametrize("suffix", ["npy", "safetensors", "json"])
def test_synth_of_a_mel_is_the_librarys(run, short, suffix):
    run("mel", short, "-o", f"x.{suffix}")
    run("synth", f"x.{suffix}", "-o", "y.wav", "--seed", 7, "--temperature", 0.5)
    mel = MelFrontend(NVIDIA)(read(short, sample_rate=22050)[0])
    assert same("y.wav", load("student").synthesize(mel, seed=7, temperature=0.5))


@pytest.mark.parametrize("voice", ["student", "wide"])
def test_synth_of_a_recording_has_its_length_at_the_voices_rate(run, short, voice):
    said = json.loads(run("synth", short, "-o", "y.flac", "--voice", voice, "--json").stdout)
    audio, rate = read("y.flac")
    assert audio.numel() == said["samples"] == rate == load(voice).sample_rate


def test_a_pipe_is_the_same_as_files(run, short):
    run("mel", short, "-o", "x.npy")
    run("synth", "x.npy", "-o", "y.wav")
    mel = run("mel", "-", "-o", "-", stdin=short.read_bytes()).stdout_bytes
    wav = run("synth", "-", "-o", "-", stdin=mel).stdout_bytes
    assert np.array_equal(np.load(io.BytesIO(mel)), np.load("x.npy"))
    assert wav == Path("y.wav").read_bytes()


def test_a_mel_that_states_another_dialect_is_converted_or_refused(run, short):
    run("mel", short, "-o", "x.safetensors", "--dialect", "vocos")
    error = run("synth", "x.safetensors", "-o", "y.wav", status=2).stderr
    assert "vocos" in error
    run("synth", "x.safetensors", "-o", "y.wav", "--voice", "wide")


def test_voices_as_json_are_the_checkpoints(run, voices):
    listed = json.loads(run("voices", "--json").stdout)
    assert [voice["name"] for voice in listed] == ["student", "wide"]
    assert [voice["default"] for voice in listed] == [True, False]
    assert listed[1]["mel_spec"]["num_mels"] == 100
    assert listed[0]["path"] == str(voices / "student.safetensors")


def test_voices_for_people_names_each(run):
    table = run("voices").stdout
    assert "held out 0.500" in " ".join(table.split())
    assert "vocos" in table


def test_one_voice_is_told_with_its_description(run):
    told = run("voices", "wide").stdout
    assert told.startswith("wide: ")
    assert "student" not in told.splitlines()[0]
    assert "nobody" in run("voices", "nobody", status=2).stderr


BAD = {
    "no such file": ("synth", "none.wav", "-o", "y.wav"),
    "not audio": ("mel", "text", "-o", "x.npy"),
    "neither mel nor audio": ("synth", "text", "-o", "y.wav"),
    "an unknown voice": ("synth", SPEECH, "-o", "y.wav", "--voice", "nobody"),
    "an unknown dialect": ("mel", SPEECH, "-o", "x.npy", "--dialect", "nvida"),
    "an unknown mel file": ("mel", SPEECH, "-o", "x.mat"),
    "an unknown audio file": ("synth", SPEECH, "-o", "y.txt"),
    "a dialect for a recording": ("synth", SPEECH, "-o", "y.wav", "--dialect", "nvidia"),
    "a negative seed": ("synth", SPEECH, "-o", "y.wav", "--seed", -1),
    "a hot temperature": ("synth", SPEECH, "-o", "y.wav", "--temperature", 3),
    "no such device": ("synth", SPEECH, "-o", "y.wav", "--device", "quantum"),
    "a folder that cannot be": ("synth", SPEECH, "-o", "text/y.wav"),
    "two results on one pipe": ("synth", SPEECH, "-o", "-", "--json"),
}


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_status_2(run, tmp_path, arguments):
    (tmp_path / "text").write_text("neither")
    result = run(*arguments, status=2)
    assert result.stderr.startswith("vocoder: ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert {path.name for path in tmp_path.iterdir()} <= {"text", "voices"}


def test_synth_estimates_a_mel_that_cannot_be_converted_if_it_is_asked_to(run, short):
    run("mel", short, "-o", "vocos.safetensors", "--dialect", "vocos")
    refused = run("synth", "vocos.safetensors", "-o", "refused.wav", status=2)
    assert "estimate" in refused.output
    assert not Path("refused.wav").exists()
    run("synth", "vocos.safetensors", "-o", "estimated.wav", "--estimate")
    mel = decode_mel(Path("vocos.safetensors").read_bytes(), "safetensors").mel
    estimated = fit_mel(mel, DIALECTS["vocos"], NVIDIA, estimate=True)
    assert same("estimated.wav", load("student").synthesize(estimated))


def test_several_sources_are_spoken_into_a_folder_and_what_cannot_be_is_told(run, short):
    run("mel", short, "-o", "a.npy")
    np.savez("b.npz", mel=np.load("a.npy"))
    torch.save(torch.from_numpy(np.load("a.npy")), "c.pt")
    Path("broken.npy").write_bytes(b"none")
    Path("spoken").mkdir()
    told = run("synth", "a.npy", "broken.npy", "b.npz", "c.pt", short, "-o", "spoken", "--seed", 3, status=1)
    assert told.stderr.startswith("vocoder: broken.npy: ")
    assert {path.name for path in Path("spoken").iterdir()} == {"a.wav", "b.wav", "c.wav", "short.wav"}
    whole = load("student").synthesize(np.load("a.npy"), seed=3)
    for name in ("a", "b", "c"):
        assert same(f"spoken/{name}.wav", whole)
    assert same("spoken/short.wav", whole[: read("spoken/short.wav")[0].numel()])
    said = json.loads(run("synth", "a.npy", "-o", "other/", "--format", "flac", "--json").stdout)
    assert [made["output"] for made in said] == ["other/a.flac"]
    assert read("other/a.flac")[0].numel() == said[0]["samples"]


MISTAKEN = {
    "a file for many": (("a.npy", "b.npy", "-o", "y.wav"), "2 sources need a folder: -o y/"),
    "two of one name": (("a.npy", "deep/A.npy", "-o", "y/"), "would both become"),
    "a format twice": (("a.npy", "-o", "y.wav", "--format", "flac"), "is of the files in a folder"),
    "an unknown format": (("a.npy", "-o", "y/", "--format", "aiff"), "must be one of .wav"),
    "its own copy": (("a.wav", "-o", "./"), "written over by its own copy"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKEN.values(), ids=MISTAKEN)
def test_what_cannot_be_meant_is_refused_before_anything_is_loaded(run, monkeypatch, arguments, message):
    monkeypatch.setattr("vocoder.checkpoints.load", lambda *_, **__: pytest.fail("a voice is loaded"))
    assert message in run("synth", *arguments, status=2).stderr


def test_a_full_disk_is_no_mistake_of_the_caller(run, short, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("vocoder.checkpoints.format.write_atomically", full)
    told = run("synth", short, "-o", "y.wav", status=1).stderr
    assert told == "vocoder: output y.wav: cannot be written (No space left on device)\n"


def test_an_analysis_may_be_a_file(run, short):
    Path("bigvgan.json").write_text(
        '{"dialect": "hifigan", "sample_rate": 24000, "num_mels": 100, "fmax": 12000}'
    )
    Path("vocos.yaml").write_text("dialect: vocos\nfloor: 1e-5\n")
    run("mel", short, "-o", "named.npy", "--dialect", "bigvgan-24k")
    run("mel", short, "-o", "stated.npy", "--dialect", "bigvgan.json")
    assert np.array_equal(np.load("named.npy"), np.load("stated.npy"))
    run("mel", short, "-o", "other.npy", "--dialect", "vocos.yaml")
    run("synth", "other.npy", "-o", "spoken.wav", "--dialect", "vocos.yaml", "--estimate")
    assert (
        "num_mels"
        in run("synth", "other.npy", "-o", "spoken.wav", "--dialect", "vocos.yaml", status=2).stderr
    )
    Path("wrong.json").write_text('{"dialect": "hifigan", "hop": 300}')
    assert (
        "hop: not a parameter" in run("mel", short, "-o", "x.npy", "--dialect", "wrong.json", status=2).stderr
    )


def test_a_dialect_goes_before_a_voices_own(run, short):
    """As over HTTP."""
    run("mel", short, "-o", "both.npy", "--voice", "student", "--dialect", "vocos")
    assert len(np.load("both.npy")) == 100
