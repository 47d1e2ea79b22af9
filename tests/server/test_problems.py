"""Every error is a problem: its status, its stable type, a sentence that says what to do, and no more."""

import io
from concurrent.futures import Future

import numpy as np
import pytest

from server.problems import PROBLEMS
from vocoder.models import Student

URL = "/v1/synthesize"
NPY = {"Content-Type": "application/x-npy"}


def check(response, name):
    """The answer is the problem of that name."""
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    kind = PROBLEMS[name]
    assert problem.keys() == {"type", "title", "status", "detail"}
    assert (problem["type"], problem["title"]) == (f"/problems/{name}", kind.title)
    assert response.status_code == problem["status"] == kind.status
    assert len(problem["detail"]) > 20
    assert "Traceback" not in response.text
    return problem["detail"]


def array(values):
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


SILENCE = np.full((80, 20), -11.5129, np.float32)
GOOD = array(SILENCE)
WITH_NAN = SILENCE.copy()
WITH_NAN[3, 5] = np.nan

CASES = {
    "no such address": ({"method": "GET", "url": "/v2"}, "not-found"),
    "another method": ({"method": "GET"}, "method-not-allowed"),
    "no content type": ({"content": GOOD}, "unsupported-media-type"),
    "a form": (
        {"content": GOOD, "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        "unsupported-media-type",
    ),
    "an unknown voice": ({"content": GOOD, "headers": NPY, "params": {"voice": "nobody"}}, "unknown-voice"),
    "a path as a voice": (
        {"content": GOOD, "headers": NPY, "params": {"voice": "../../etc/x.safetensors"}},
        "unknown-voice",
    ),
    "an unknown voice's page": ({"method": "GET", "url": "/v1/voices/nobody"}, "unknown-voice"),
    "a voice without a name": (
        {"content": GOOD, "headers": NPY, "params": {"voice": ""}},
        "invalid-parameter",
    ),
    "a dialect without a name": (
        {"content": GOOD, "headers": NPY, "params": {"dialect": ""}},
        "invalid-parameter",
    ),
    "a parameter twice": ({"content": GOOD, "headers": NPY, "params": {"seed": [1, 2]}}, "invalid-parameter"),
    "a shape of what states its own": (
        {"content": GOOD, "headers": NPY, "params": {"shape": "80,20"}},
        "invalid-parameter",
    ),
    "an unknown dialect": (
        {"content": GOOD, "headers": NPY, "params": {"dialect": "nvida"}},
        "invalid-parameter",
    ),
    "an unknown parameter": ({"content": GOOD, "headers": NPY, "params": {"sed": 1}}, "invalid-parameter"),
    "an unknown format": ({"content": GOOD, "headers": NPY, "params": {"format": "au"}}, "invalid-parameter"),
    "a negative seed": ({"content": GOOD, "headers": NPY, "params": {"seed": -1}}, "invalid-parameter"),
    "a seed beyond 63 bits": (
        {"content": GOOD, "headers": NPY, "params": {"seed": 2**63}},
        "invalid-parameter",
    ),
    "a hot temperature": (
        {"content": GOOD, "headers": NPY, "params": {"temperature": 9}},
        "invalid-parameter",
    ),
    "a temperature that is none": (
        {"content": GOOD, "headers": NPY, "params": {"temperature": "nan"}},
        "invalid-parameter",
    ),
    "a shape that is none": (
        {
            "content": b"1234",
            "headers": {"Content-Type": "application/octet-stream"},
            "params": {"shape": "1"},
        },
        "invalid-parameter",
    ),
    "no shape": (
        {"content": b"1234", "headers": {"Content-Type": "application/octet-stream"}},
        "malformed-body",
    ),
    "a shape that does not fit": (
        {
            "content": b"1234",
            "headers": {"Content-Type": "application/octet-stream"},
            "params": {"shape": "80,9"},
        },
        "malformed-body",
    ),
    "an Accept without audio": (
        {"content": GOOD, "headers": NPY | {"Accept": "text/html"}},
        "not-acceptable",
    ),
    "an empty body": ({"content": b"", "headers": NPY}, "malformed-body"),
    "a cut body": ({"content": GOOD[:-1], "headers": NPY}, "malformed-body"),
    "a pickle": ({"content": array(np.array([[{}]], dtype=object)), "headers": NPY}, "malformed-body"),
    "a shape beyond memory": (
        {"content": GOOD.replace(b"(80, 20)", b"(80,9**)"), "headers": NPY},
        "malformed-body",
    ),
    "JSON that is none": (
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        "malformed-body",
    ),
    "JSON with an unknown analysis": (
        {"json": {"mel": SILENCE.tolist(), "mel_spec": {"dialect": "nvidia", "hop": 1}}},
        "invalid-parameter",
    ),
    "two dialects": (
        {"json": {"mel": SILENCE.tolist(), "mel_spec": "nvidia"}, "params": {"dialect": "hifigan"}},
        "invalid-parameter",
    ),
    "a mel of another dialect": (
        {"content": GOOD, "headers": NPY, "params": {"dialect": "pwg-22k"}},
        "mel-mismatch",
    ),
    "a mel that lies far above the voice's": (
        {"content": array(SILENCE + 60), "headers": NPY},
        "mel-mismatch",
    ),
    "transposed axes": ({"content": array(SILENCE.T), "headers": NPY}, "invalid-mel"),
    "NaN": ({"content": array(WITH_NAN), "headers": NPY}, "invalid-mel"),
    "one axis": ({"content": array(SILENCE[0]), "headers": NPY}, "malformed-body"),
}


@pytest.fixture(scope="module")
def shared(voice_folder):
    """One client for all: nothing here changes it."""
    from starlette.testclient import TestClient

    from server.app import create_app
    from vocoder.checkpoints import voices as module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SHIPPED", voice_folder)
        patch.delenv(module.FOLDERS_VARIABLE, raising=False)
        with TestClient(create_app(), "http://localhost", raise_server_exceptions=False) as client:
            yield client


@pytest.mark.parametrize(("request_", "name"), CASES.values(), ids=CASES.keys())
def test_bad_requests_are_problems(shared, request_, name):
    check(shared.request(**{"method": "POST", "url": URL} | request_), name)


def test_the_detail_says_what_to_do(shared):
    transposed = shared.post(URL, content=array(SILENCE.T), headers=NPY)
    assert "transpose" in check(transposed, "invalid-mel")
    mismatch = shared.post(URL, content=GOOD, headers=NPY, params={"dialect": "pwg-22k"})
    assert "fmin is 80.0, not 0.0" in check(mismatch, "mel-mismatch")
    voice = shared.post(URL, content=GOOD, headers=NPY, params={"voice": "nobody"})
    assert "student, wide" in check(voice, "unknown-voice")


def test_what_would_become_too_long_is_refused_before_it_does(shared):
    """Three frames of ten hours each."""
    long = {
        "dialect": "nvidia",
        "sample_rate": 1,
        "fmin": 0,
        "fmax": 0.5,
        "n_fft": 16384,
        "hop_length": 16384,
    }
    answer = shared.post(
        URL, json={"mel": SILENCE[:, :3].tolist(), "mel_spec": long}, params={"estimate": True}
    )
    assert "send them in parts" in check(answer, "mel-too-long")


def test_an_analysis_beyond_all_measure_is_refused_before_memory_is_taken(shared):
    spec = {"dialect": "nvidia", "n_fft": 2**28, "win_length": 2**28}
    answer = shared.post(URL, json={"mel": SILENCE.tolist(), "mel_spec": spec})
    assert "n_fft: Input should be less than or equal to 16384" in check(answer, "invalid-parameter")


def test_a_method_that_is_not_taken_says_which_is(shared):
    assert shared.get(URL).headers["allow"] == "POST"


def test_every_type_has_a_page(shared):
    for name, kind in PROBLEMS.items():
        page = shared.get(f"/problems/{name}").json()
        assert (page["title"], page["status"]) == (kind.title, kind.status)
    check(shared.get("/problems/none-such"), "not-found")


def test_a_declared_body_over_the_limit_is_refused(make_client):
    response = make_client(max_body_bytes=100).post(URL, content=GOOD, headers=NPY)
    assert "100 bytes" in check(response, "body-too-large")


def test_an_undeclared_body_over_the_limit_is_refused_while_it_is_read(make_client):
    sent = []

    def chunks():
        for _ in range(1000):
            sent.append(1)
            yield bytes(50)

    response = make_client(max_body_bytes=100).post(URL, content=chunks(), headers=NPY)
    check(response, "body-too-large")


@pytest.mark.parametrize("limit", [{"max_frames": 19}, {"max_seconds": 0.2}])
def test_a_mel_over_the_limit_is_refused(make_client, limit):
    check(make_client(**limit).post(URL, content=GOOD, headers=NPY), "mel-too-long")


def test_a_full_house_asks_to_come_back(make_client):
    client = make_client(max_streams=1, patience=0.05)
    place = client.app.state.engine.admit()
    client.portal.call(place.__aenter__)
    response = client.post(URL, content=GOOD, headers=NPY)
    check(response, "busy")
    assert int(response.headers["retry-after"]) >= 1
    client.portal.call(place.__aexit__, None, None, None)
    assert client.post(URL, content=GOOD, headers=NPY).status_code == 200


def test_refused_requests_leave_no_place_taken(make_client):
    client = make_client(max_streams=1)
    for request, _ in CASES.values():
        client.request(**{"method": "POST", "url": URL} | request)
    assert client.app.state.engine.active_streams == 0


def test_not_ready_until_the_voices_are_warm(client):
    client.app.state.warming, done = Future(), client.app.state.warming
    check(client.get("/readyz"), "not-ready")
    assert client.get("/healthz").status_code == 200
    client.app.state.warming = done


def test_a_failure_before_the_first_audio_is_a_500_that_tells_nothing(client, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("a secret")

    monkeypatch.setattr(Student, "advance", fail)
    assert "secret" not in check(client.post(URL, content=GOOD, headers=NPY), "internal-error")


def test_a_damaged_voice_is_the_servers_fault(client, voices, caplog):
    (voices / "broken.safetensors").write_bytes(b"not safetensors")
    response = client.post(URL, content=GOOD, headers=NPY, params={"voice": "broken"})
    assert str(voices) not in check(response, "voice-unavailable")
    assert "broken.safetensors" in caplog.text
