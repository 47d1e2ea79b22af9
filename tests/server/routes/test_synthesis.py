"""Mel in, audio out: every body format and audio format gives the samples of the library."""

import json

import numpy as np
import pytest
import torch

from vocoder.audio import read, to_pcm16
from vocoder.checkpoints import load
from vocoder.inference.denoiser import Denoiser
from vocoder.mel import DIALECTS, dialect_of
from vocoder.mel.files import encode_mel

URL = "/v1/synthesize"
NPY = {"Content-Type": "application/x-npy"}


def close(left, right, lsb=4):
    """Equal to 1e-4 of full scale, after rounding to 16 bits."""
    return left.shape == right.shape and (left.int() - right.int()).abs().max() <= lsb


@pytest.mark.parametrize("voice", ["student", "wide"])
def test_audio_is_that_of_the_library(client, utterance, decode, voice):
    spoken = utterance(60, voice)
    query = {"voice": voice, "seed": 7, "temperature": 0.5}
    response = client.post(URL, content=spoken.npy, headers=NPY, params=query)
    assert response.status_code == 200
    assert close(decode(response), spoken.samples(seed=7, temperature=0.5))


def test_what_the_voice_says_of_silence_can_be_taken_off(client, utterance, decode, monkeypatch):
    humming = Denoiser(torch.full((513,), 0.5))  # these voices are silent in silence
    monkeypatch.setattr(Denoiser, "of", lambda *_: humming)
    spoken = utterance(60)
    heard = decode(client.post(URL, content=spoken.npy, headers=NPY, params={"seed": 7, "denoise": 2.5}))
    assert close(heard, spoken.samples(seed=7, denoise=2.5))
    assert not close(heard, spoken.samples(seed=7))
    refused = client.post(URL, content=spoken.npy, headers=NPY, params={"denoise": 11})
    assert refused.status_code == 422
    assert "denoise" in refused.text


def test_audio_is_corrected_towards_its_mel_as_often_as_asked(client, utterance, decode):
    spoken = utterance(60)
    response = client.post(URL, content=spoken.npy, headers=NPY, params={"seed": 7, "correction": 2})
    assert response.headers["Vocoder-Correction"] == "2"
    expected = load("student", correction=2).synthesize(spoken.mel, seed=7)
    assert close(decode(response), to_pcm16(expected))
    assert not close(decode(response), spoken.samples(seed=7))
    refused = client.post(URL, content=spoken.npy, headers=NPY, params={"correction": 9})
    assert refused.status_code == 422
    assert "correction" in refused.text


def test_headers_say_what_is_spoken(client, utterance):
    response = client.post(
        URL, content=utterance(40).npy, headers=NPY, params={"seed": 3, "temperature": 0.25}
    )
    said = {name[8:]: value for name, value in response.headers.items() if name.startswith("vocoder-")}
    assert said == {
        "voice": "student",
        "seed": "3",
        "temperature": "0.25",
        "correction": "0",
        "sample-rate": "22050",
        "frames": "40",
        "samples": "10240",
    }


BODIES = {
    "npy": ("application/x-npy", {}, "npy"),
    "JSON": ("application/json; charset=utf-8", {}, "json"),
    "safetensors": ("application/vnd.safetensors", {}, "safetensors"),
    "bare floats": ("application/octet-stream", {"shape": "80,40"}, "raw"),
    "safetensors as octets": ("application/octet-stream", {}, "safetensors"),
    "npy as octets": ("application/octet-stream", {}, "npy"),
}


@pytest.mark.parametrize(("content_type", "query", "file_format"), BODIES.values(), ids=BODIES.keys())
def test_every_body_format_is_the_same_mel(client, utterance, decode, content_type, query, file_format):
    spoken = utterance(40)
    body = encode_mel(spoken.mel, DIALECTS["nvidia"], file_format)
    response = client.post(URL, content=body, headers={"Content-Type": content_type}, params=query)
    assert response.status_code == 200, response.text
    assert close(decode(response), spoken.samples())


@pytest.mark.parametrize("audio_format", ["wav", "flac"])
def test_lossless_formats_keep_every_sample(client, utterance, decode, audio_format):
    spoken = utterance(40)
    response = client.post(URL, content=spoken.npy, headers=NPY, params={"format": audio_format})
    assert response.headers["content-type"] == f"audio/{audio_format}"
    assert close(decode(response), spoken.samples())


def test_pcm_is_bare_samples(client, utterance):
    spoken = utterance(40)
    response = client.post(URL, content=spoken.npy, headers=NPY, params={"format": "pcm"})
    assert response.headers["content-type"] == "audio/pcm;rate=22050;channels=1;bits=16"
    assert close(torch.from_numpy(np.frombuffer(response.content, "<i2").copy()), spoken.samples())


@pytest.mark.parametrize("audio_format", ["opus", "mp3"])
def test_lossy_formats_have_the_duration(client, utterance, audio_format):
    spoken = utterance(100)
    response = client.post(URL, content=spoken.npy, headers=NPY, params={"format": audio_format})
    audio, rate = read(response.content)
    assert audio.numel() / rate == pytest.approx(100 * 256 / 22050, abs=0.15)


@pytest.mark.parametrize("audio_format", ["wav", "pcm"])
def test_the_length_is_known_before_the_audio(client, utterance, audio_format):
    response = client.post(URL, content=utterance(40).npy, headers=NPY, params={"format": audio_format})
    assert int(response.headers["content-length"]) == len(response.content)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "audio/wav"),
        ("audio/*", "audio/wav"),
        ("audio/flac", "audio/flac"),
        ("text/html, audio/flac;q=0.5, audio/mpeg;q=0.9", "audio/mpeg"),
        ("audio/flac;q=0, audio/x-wav", "audio/wav"),
    ],
)
def test_the_accept_header_chooses_the_format(client, utterance, accept, content_type):
    response = client.post(URL, content=utterance(20).npy, headers=NPY | {"Accept": accept})
    assert response.headers["content-type"] == content_type


def test_the_query_goes_before_the_accept_header(client, utterance):
    headers = NPY | {"Accept": "audio/wav"}
    response = client.post(URL, content=utterance(20).npy, headers=headers, params={"format": "flac"})
    assert response.headers["content-type"] == "audio/flac"


def test_a_mel_of_another_dialect_is_converted_where_that_is_exact(client, utterance, decode):
    spoken = utterance(40)
    decimal = DIALECTS["nvidia"].model_copy(update={"log_base": "10"})
    assert dialect_of(decimal) is None
    body = json.dumps(
        {
            "mel": (spoken.mel.double() / np.log(10)).tolist(),
            "mel_spec": {"dialect": "nvidia", "log_base": "10"},
        }
    )
    response = client.post(URL, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 200, response.text
    assert close(decode(response), spoken.samples())


def test_no_voice_named_means_the_default_of_the_settings(make_client, utterance):
    client = make_client(default_voice="wide")
    response = client.post(URL, content=utterance(20, "wide").npy, headers=NPY)
    assert response.headers["vocoder-voice"] == "wide"
