"""A recording in: its mel, and the audio of a voice, are those of the library."""

import io

import pytest
import torch

from vocoder.audio import read, to_pcm16, write
from vocoder.checkpoints import load
from vocoder.mel import DIALECTS, MelFrontend
from vocoder.mel.files import decode_mel

WAV = {"Content-Type": "audio/wav"}


@pytest.fixture(scope="module")
def recording():
    return 0.1 * torch.randn(9000, generator=torch.Generator().manual_seed(0))


def file(audio, rate=22050, kind="WAV", subtype="FLOAT"):
    buffer = io.BytesIO()
    write(buffer, audio, rate, format=kind, subtype=subtype)
    return buffer.getvalue()


@pytest.mark.parametrize("voice", ["student", "wide"])
def test_the_audio_is_that_of_the_library(client, recording, decode, voice):
    model = load(voice)
    body = file(recording, model.sample_rate)
    response = client.post("/v1/resynthesize", params={"voice": voice, "seed": 3}, content=body, headers=WAV)
    assert response.status_code == 200, response.text
    expected = to_pcm16(model.synthesize(MelFrontend(model.mel_spec)(recording), seed=3))
    assert (decode(response).int() - expected.int()).abs().max() <= 4
    assert int(response.headers["vocoder-samples"]) == expected.numel()


def test_another_rate_is_resampled(client, recording):
    response = client.post("/v1/resynthesize", content=file(recording, 44100), headers=WAV)
    assert int(response.headers["vocoder-sample-rate"]) == 22050
    audio, _ = read(response.content)
    assert audio.numel() == pytest.approx(4500, abs=512)


@pytest.mark.parametrize("media_type", ["audio/flac", "application/octet-stream"])
def test_the_first_bytes_say_what_a_recording_is(client, recording, media_type):
    body = file(recording, kind="FLAC", subtype="PCM_16")
    response = client.post("/v1/resynthesize", content=body, headers={"Content-Type": media_type})
    assert response.status_code == 200


@pytest.mark.parametrize("kind", ["npy", "safetensors", "json"])
def test_the_mel_is_that_of_the_library(client, recording, kind):
    response = client.post("/v1/mel", params={"format": kind}, content=file(recording), headers=WAV)
    assert response.status_code == 200, response.text
    made = decode_mel(response.content, kind)
    expected = MelFrontend(DIALECTS["nvidia"])(recording)
    torch.testing.assert_close(made.mel, expected, atol=1e-5, rtol=0)
    assert made.spec in ((None,) if kind == "npy" else (DIALECTS["nvidia"],))


def test_a_mel_is_of_the_voice_or_the_dialect_that_is_named(client, recording):
    def bands(**query):
        response = client.post("/v1/mel", params=query, content=file(recording), headers=WAV)
        return decode_mel(response.content, "npy").mel.shape[0]

    assert (bands(), bands(voice="wide"), bands(dialect="vocos")) == (80, 100, 100)


def test_a_mel_can_be_spoken_again(client, recording):
    mel = client.post("/v1/mel", content=file(recording), headers=WAV).content
    spoken = client.post("/v1/synthesize", content=mel, headers={"Content-Type": "application/x-npy"})
    again = client.post("/v1/resynthesize", content=file(recording), headers=WAV)
    assert spoken.content == again.content


BAD = {
    "no recording": (b"nothing", WAV, "invalid-audio"),
    "an empty body": (b"", WAV, "invalid-audio"),
    "a cut header": (b"RIFF", WAV, "invalid-audio"),
    "another type": (b"", {"Content-Type": "text/plain"}, "unsupported-media-type"),
    "no type": (b"", {}, "unsupported-media-type"),
}


@pytest.mark.parametrize("route", ["resynthesize", "mel"])
@pytest.mark.parametrize(("body", "headers", "name"), BAD.values(), ids=BAD.keys())
def test_what_is_no_recording_is_refused(client, route, body, headers, name):
    response = client.post(f"/v1/{route}", content=body, headers=headers)
    assert response.json()["type"] == f"/problems/{name}"


def test_too_long_a_recording_is_refused(make_client, recording):
    response = make_client(max_seconds=0.2).post("/v1/mel", content=file(recording), headers=WAV)
    assert response.json()["type"] == "/problems/invalid-audio"
    assert "0.2 s" in response.json()["detail"]


def test_a_recording_of_one_sample_gets_an_answer(client):
    for route in ("mel", "resynthesize"):
        assert client.post(f"/v1/{route}", content=file(torch.zeros(1)), headers=WAV).status_code in (
            200,
            422,
        )
