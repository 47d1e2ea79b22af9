"""The demonstration, whole: a real server in its own process, every voice, and nothing left running."""

import json
import math
import socket

import pytest
from typer.testing import CliRunner

from server.demo import PICTURE
from server.local import get_json, local_server
from vocoder.audio import read, write
from vocoder.checkpoints import voice_paths
from vocoder.checkpoints.voices import FOLDERS_VARIABLE
from vocoder.cli import app
from vocoder.errors import VocoderError
from vocoder.samples import DEFAULT_SAMPLE, SAMPLES

LOG = "server.log"


@pytest.fixture
def small_voices(voice_folder, monkeypatch):
    """The voices that ship, some of them replaced by small ones, also for processes started here."""
    monkeypatch.setenv(FOLDERS_VARIABLE, str(voice_folder))


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_demo_speaks_with_every_voice_and_ends(small_voices, tmp_path):
    audio, rate = read(SAMPLES[DEFAULT_SAMPLE])
    write(tmp_path / "short.wav", audio[: 2 * rate], rate)
    result = CliRunner().invoke(app, ["demo", str(tmp_path / "short.wav"), "-o", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    rows = {row["name"]: row for row in json.loads(result.stdout)["rows"]}
    assert list(rows)[:2] == ["recording", "griffin-lim"]
    assert rows.keys() - {"recording", "griffin-lim"} == voice_paths().keys()
    for name, row in rows.items():
        audio, rate = read(tmp_path / f"{name}.wav")
        assert audio.numel() / rate == pytest.approx(row["audio_seconds"])
        assert math.isfinite(row["mr_stft"])
    for name in voice_paths():
        assert (
            0
            < rows[name]["first_byte_ms"]
            < 1000 * rows[name]["audio_seconds"] / rows[name]["times_real_time"]
        )
    assert rows["recording"]["estoi"] == pytest.approx(1.0)
    assert (tmp_path / PICTURE).read_bytes().startswith(b"\x89PNG")
    assert "Finished server process" in (tmp_path / LOG).read_text()


def test_the_server_is_stopped_when_the_block_fails(small_voices, tmp_path):
    def fail(log):
        with local_server(log) as ready:
            url = ready()
            ports.append(int(url.rpartition(":")[2]))
            assert listens(ports[0])
            assert get_json(url, "/readyz")["status"] == "ready"
            raise KeyError("on the way")

    ports = []
    with (tmp_path / LOG).open("w") as log, pytest.raises(KeyError, match="on the way"):
        fail(log)
    assert not listens(ports[0])


def test_a_server_that_does_not_start_is_an_error_that_points_to_its_log(monkeypatch, tmp_path):
    monkeypatch.setenv("VOCODER_DEVICE", "quantum")
    with (
        (tmp_path / LOG).open("w") as log,
        local_server(log) as ready,
        pytest.raises(VocoderError, match="log"),
    ):
        ready()
    assert "quantum" in (tmp_path / LOG).read_text()
