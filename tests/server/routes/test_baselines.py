"""Griffin-Lim over HTTP is the library's."""

import pytest
import torch

from server.routes import baselines
from vocoder.audio import to_pcm16
from vocoder.checkpoints import load
from vocoder.evaluation import GriffinLim

NPY = {"Content-Type": "application/x-npy"}
PATH = "/v1/baselines/griffin-lim"


@pytest.mark.parametrize("voice", ["student", "wide"])
def test_the_samples_are_those_of_the_library(client, utterance, decode, voice):
    spoken = utterance(30, voice)
    response = client.post(f"{PATH}?voice={voice}&iterations=3&seed=5", content=spoken.npy, headers=NPY)
    spec = load(voice).mel_spec
    expected = to_pcm16(GriffinLim(spec, 3).synthesize(spoken.mel, 5))
    assert torch.equal(decode(response), expected)
    assert response.headers["vocoder-sample-rate"] == str(spec.sample_rate)
    assert response.headers["vocoder-samples"] == str(expected.numel())


def test_the_dialect_goes_before_the_voice(client, utterance, decode):
    spoken = utterance(30)
    by_dialect = client.post(f"{PATH}?dialect=nvidia&iterations=2", content=spoken.npy, headers=NPY)
    by_voice = client.post(f"{PATH}?voice=student&iterations=2", content=spoken.npy, headers=NPY)
    assert by_dialect.content == by_voice.content


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("iterations=0", "invalid-parameter"),
        ("seed=4294967296", "invalid-parameter"),
        ("voice=nobody", "unknown-voice"),
        ("dialect=nobody", "invalid-parameter"),
        ("sead=1", "invalid-parameter"),
    ],
)
def test_a_wrong_parameter_is_refused(client, utterance, query, name):
    response = client.post(f"{PATH}?{query}", content=utterance(20).npy, headers=NPY)
    assert response.json()["type"] == f"/problems/{name}"


def test_more_than_half_a_minute_is_refused(client, utterance):
    response = client.post(PATH, content=utterance(2600).npy, headers=NPY)
    assert response.status_code == 413
    assert response.json()["type"] == "/problems/mel-too-long"


def test_the_limit_is_the_one_that_the_index_tells(client, utterance, monkeypatch):
    monkeypatch.setattr(baselines, "MAX_SECONDS", 0.5)
    assert client.get("/").json()["limits"]["griffin_lim_seconds"] == 0.5
    answers = [
        client.post(f"{PATH}?iterations=1", content=utterance(frames).npy, headers=NPY) for frames in (43, 44)
    ]
    assert [answer.status_code for answer in answers] == [200, 413]
