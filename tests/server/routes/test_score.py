"""Scores over HTTP are the library's; what cannot be scored is a problem; nobody waits, nothing works."""

import io
import threading
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch

from server.problems import PROBLEMS
from server.schemas import Score
from vocoder.audio import read, resample, write
from vocoder.checkpoints import load
from vocoder.inference.scoring import prepare, score
from vocoder.models import Student, Teacher, Vocoder

URL = "/v1/score"
SPEECH = Path(__file__).parents[2] / "data" / "LJ001-0002.flac"
FLAC = {"Content-Type": "audio/flac"}

pytestmark = pytest.mark.usefixtures("teacher_voice")


def wav(audio, rate):
    file = io.BytesIO()
    write(file, audio, rate)
    return file.getvalue()


def problem(response, name):
    assert response.headers["content-type"] == "application/problem+json"
    assert response.status_code == PROBLEMS[name].status
    assert response.json()["type"] == f"/problems/{name}"
    return response.json()["detail"]


def test_the_score_is_that_of_the_library(client):
    response = client.post(URL, content=SPEECH.read_bytes(), headers=FLAC, params={"voice": "teacher"})
    assert response.status_code == 200, response.text
    said = response.json()
    voice = load("teacher")
    expected = score(voice, prepare(*read(SPEECH), voice.mel_spec))
    assert (said["voice"], said["kind"], said["resampled_from"]) == ("teacher", "exact", None)
    assert (said["sample_rate"], said["hop_length"]) == (22050, 256)
    assert said["bits_per_sample"] == pytest.approx(expected.bits_per_sample, abs=1e-4)
    assert said["curve"] == pytest.approx(expected.curve.tolist(), abs=1e-3)
    assert said["samples"] == expected.bits.numel()


def test_the_answer_looks_like_its_example(client):
    (example,) = client.get("/openapi.json").json()["components"]["schemas"][Score.__name__]["examples"]
    said = client.post(URL, content=SPEECH.read_bytes(), headers=FLAC).json()
    assert said.pop("resampled_from") is None  # null, as the example leaves out
    assert {key: type(value) for key, value in said.items()} == {k: type(v) for k, v in example.items()}


def test_a_voice_with_exact_figures_is_asked_by_default(client):
    assert client.post(URL, content=SPEECH.read_bytes(), headers=FLAC).json()["voice"] == "teacher"


def test_another_rate_is_resampled_and_said(client):
    audio, rate = read(SPEECH)
    slow = wav(resample(audio, rate, 16000), 16000)
    said = client.post(URL, content=slow, headers={"Content-Type": "audio/wav"}).json()
    assert said["resampled_from"] == 16000
    assert said["samples"] == pytest.approx(audio.numel(), abs=256)


BAD = {
    "no audio": ({"content": b"neither", "headers": FLAC}, "invalid-audio"),
    "nothing": ({"content": b"", "headers": FLAC}, "invalid-audio"),
    "too little": ({"content": wav(torch.zeros(300), 22050), "headers": FLAC}, "invalid-audio"),
    "no type": ({"content": b"x"}, "unsupported-media-type"),
    "a mel": ({"content": b"x", "headers": {"Content-Type": "application/x-npy"}}, "unsupported-media-type"),
    "an unknown voice": ({"content": b"x", "headers": FLAC, "params": {"voice": "nobody"}}, "unknown-voice"),
    "an unknown parameter": (
        {"content": b"x", "headers": FLAC, "params": {"vioce": "x"}},
        "invalid-parameter",
    ),
}


@pytest.mark.parametrize(("request_", "name"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_scored_is_a_problem(client, request_, name):
    assert len(problem(client.post(URL, **request_), name)) > 20
    assert client.app.state.engine.active_streams == 0


def test_too_little_says_how_much_is_needed(client):
    response = client.post(URL, content=wav(torch.zeros(300), 22050), headers=FLAC)
    assert "at least 513" in problem(response, "invalid-audio")


def test_a_voice_without_figures_is_a_problem(client, monkeypatch):
    monkeypatch.setattr(Student, "score", Vocoder.score)
    response = client.post(URL, content=SPEECH.read_bytes(), headers=FLAC, params={"voice": "student"})
    assert "another voice" in problem(response, "no-density")


@pytest.mark.parametrize(
    ("limit", "name"),
    [
        ({"max_seconds": 1.0}, "invalid-audio"),
        ({"max_frames": 20}, "mel-too-long"),
        ({"max_body_bytes": 1000}, "body-too-large"),
    ],
)
def test_the_limits_hold(make_client, limit, name):
    problem(make_client(**limit).post(URL, content=SPEECH.read_bytes(), headers=FLAC), name)


def test_a_client_that_leaves_stops_the_work(serve, wait_until, monkeypatch):
    app, url = serve()
    wait_until(lambda: hasattr(app.state, "warming") and app.state.warming.done())
    blocks, places, real = [], threading.Semaphore(0), Teacher.score

    def gated(model, audio, mel):
        blocks.append(len(blocks))
        places.acquire()
        return real(model, audio, mel)

    monkeypatch.setattr(Teacher, "score", gated)
    long = wav(read(SPEECH)[0].repeat(12), 22050)
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("POST", URL, long, {"Content-Type": "audio/wav"})
    wait_until(lambda: len(blocks) == 1)
    connection.close()
    wait_until(lambda: app.state.engine.active_streams == 0)
    places.release(100)
    app.state.engine.close()  # returns when whatever was still asked for is done
    assert len(blocks) == 1
