"""Whatever comes in: never a failure of the server, always an answer that the document knows."""

import io
import json
import struct
import zlib

import httpx2
import numpy as np
import pytest
import schemathesis
import soundfile
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks
from starlette.testclient import TestClient

from server.app import create_app
from server.settings import Settings
from vocoder.checkpoints import voices as module

CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
]
BOUNDED = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[*HealthCheck],
)


LIMITS = {"max_seconds": 2.0, "max_body_bytes": 1 << 20}


@pytest.fixture(scope="module")
def client(voice_folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SHIPPED", voice_folder)
        patch.delenv(module.FOLDERS_VARIABLE, raising=False)
        app = create_app(Settings(**LIMITS))
        with TestClient(app, "http://localhost", raise_server_exceptions=False) as client:
            yield client


@pytest.fixture
def api(serve, wait_until, tmp_path):
    """Jobs are taken, and none is run: the only recordings lie below an empty root."""
    (tmp_path / "roots").mkdir()
    url = serve(**LIMITS, jobs=tmp_path / "jobs", jobs_data=(tmp_path / "roots",), jobs_slots=0)[1]
    wait_until(lambda: httpx2.get(url + "/readyz").status_code == 200)
    return schemathesis.openapi.from_url(url + "/openapi.json")


def test_the_document_is_kept(api):
    seen = []
    for found in api.exclude(path_regex="^/v1/jobs/{job}/events").get_all_operations():
        operation = found.ok()
        seen.append(operation.label)

        @seed(0)
        @BOUNDED
        @given(operation.as_strategy())
        def call(case):
            case.call_and_validate(checks=CHECKS)

        call()
    assert {"POST /v1/synthesize", "POST /v1/resynthesize", "POST /v1/mel", "GET /metrics"} <= set(seen)
    assert {"POST /v1/jobs", "POST /v1/jobs/{job}/publish", "GET /v1/jobs/{job}/logs"} <= set(seen)


def npy(shape, dtype="<f4", fortran=False):
    header = f"{{'descr': '{dtype}', 'fortran_order': {fortran}, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n"


def safetensors(header):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text


def wav(rate=22050, channels=1, frames=2000):
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (frames, channels))
    soundfile.write(buffer, noise, rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def packed(kind, subtype, rate, seconds, channels=1):
    """Silence, which packs well."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", rate, channels, subtype, format=kind) as file:
        for _ in range(seconds):
            file.write(np.zeros((rate, channels), np.float32))
    return buffer.getvalue()


GOOD_MELS = {
    "application/x-npy": npy((80, 9)) + np.full((80, 9), -11, "<f4").tobytes(),
    "application/json": json.dumps({"mel": [[-11.0] * 9] * 80}).encode(),
    "application/vnd.safetensors": safetensors(
        {"mel": {"dtype": "F32", "shape": [80, 9], "data_offsets": [0, 2880]}}
    )
    + np.full((80, 9), -11, "<f4").tobytes(),
    "application/octet-stream": npy((80, 9)) + np.full((80, 9), -11, "<f4").tobytes(),
}
GOOD_AUDIO = {
    "audio/wav": wav(),
    "audio/flac": packed("FLAC", "PCM_16", 22050, 1),
    "audio/ogg": packed("OGG", "VORBIS", 22050, 1),
    "audio/mpeg": packed("MP3", "MPEG_LAYER_III", 22050, 1),
    "audio/aiff": packed("AIFF", "PCM_16", 22050, 1),
}


@st.composite
def damaged(draw, good):
    """A good body with bytes changed, cut out, put in, or cut off."""
    data = bytearray(good)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, min(len(data), 400)))
        match draw(st.sampled_from(["change", "cut", "insert", "end"])):
            case "change":
                data[place : place + 4] = draw(st.binary(min_size=4, max_size=4))
            case "cut":
                del data[place : place + draw(st.integers(1, 64))]
            case "insert":
                data[place:place] = draw(st.binary(max_size=64))
            case "end":
                del data[place:]
    return bytes(data)


def check(response):
    assert response.status_code < 500, response.text
    if response.status_code != 200:
        problem = response.json()
        assert response.headers["content-type"] == "application/problem+json"
        assert "Traceback" not in response.text
        assert len(problem["detail"]) > 10


BODIES = [("synthesize", media_type, 40) for media_type in GOOD_MELS]
BODIES.append(("baselines/griffin-lim?iterations=1", "application/x-npy", 10))


@pytest.mark.parametrize(("route", "media_type", "examples"), BODIES)
def test_any_mel_gets_an_answer(client, route, media_type, examples):
    @seed(0)
    @settings(parent=BOUNDED, max_examples=examples)
    @given(damaged(GOOD_MELS[media_type]))
    def send(body):
        check(client.post(f"/v1/{route}", content=body, headers={"Content-Type": media_type}))

    send()
    assert client.app.state.engine.active_streams == 0


@pytest.mark.parametrize("media_type", GOOD_AUDIO)
def test_any_recording_gets_an_answer(client, media_type):
    @seed(0)
    @settings(parent=BOUNDED, max_examples=25)
    @given(damaged(GOOD_AUDIO[media_type]))
    def send(body):
        check(client.post("/v1/mel", content=body, headers={"Content-Type": media_type}))

    send()
    good = client.post("/v1/mel", content=GOOD_AUDIO[media_type], headers={"Content-Type": media_type})
    assert good.status_code == 200, good.text


BOMBS = {
    "an hour of silence as FLAC": packed("FLAC", "PCM_16", 8000, 3600),
    "an hour of silence as Opus": packed("OGG", "OPUS", 8000, 3600),
    "a rate beyond any": wav(rate=10_000_000),
    "a rate of one": wav(rate=1, frames=10),
    "many channels": wav(channels=200, frames=50),
    "a gzip file": zlib.compress(bytes(1 << 20)),
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS.keys())
@pytest.mark.parametrize("route", ["mel", "resynthesize"])
def test_a_bomb_is_refused_before_it_is_large(client, route, body):
    import tracemalloc

    tracemalloc.start()
    response = client.post(f"/v1/{route}", content=body, headers={"Content-Type": "audio/flac"})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert response.status_code in (413, 422)
    assert peak < 64 << 20


def test_deep_json_is_refused(client):
    for body in (b"[" * 500_000, b'{"mel":' + b"[" * 500_000, b'{"mel": [[' + b"1," * 200_000 + b"1]]}"):
        response = client.post("/v1/synthesize", content=body, headers={"Content-Type": "application/json"})
        assert response.status_code in (400, 413, 422)


@pytest.mark.parametrize(
    "name", ["../student", "%2e%2e%2fstudent", "/etc/passwd", "student.safetensors", "a" * 5000]
)
def test_a_voice_is_never_a_path(client, name):
    from urllib.parse import quote

    for response in (
        client.get(f"/v1/voices/{quote(name, safe='')}"),
        client.post(f"/v1/voices/{quote(name, safe='')}/load"),
        client.post("/v1/mel", params={"voice": name}, content=wav(), headers={"Content-Type": "audio/wav"}),
        client.get(f"/web/{name}"),
        client.get(f"/docs/files/{name}"),
    ):
        assert response.status_code in (404, 405)
