"""HEAD is GET without the body: the same status, the same headers, and nothing made in vain."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

PATHS = ["/", "/docs", "/healthz", "/v1/voices", "/v1/voices/nobody", "/v1/samples/LJ002-0171", "/nothing"]
PATHS += ["/web/index.html", "/openapi.json", "/v1/synthesize"]
FLOW = {"recipe": "flow", "config": {"flow": "planar", "data": "two-moons", "steps": 20}}


def lasting(response):
    return {name: value for name, value in response.headers.items() if name != "x-request-id"}


@pytest.mark.parametrize("path", PATHS)
def test_the_headers_are_those_of_get(client, path):
    got, asked = client.get(path), client.head(path)
    assert asked.status_code == got.status_code
    assert lasting(asked) == lasting(got)
    assert asked.content == b""


def test_what_would_be_streamed_without_end_is_stopped(make_client, tmp_path):
    client = make_client(jobs=tmp_path / "jobs", jobs_slots=0)
    job = client.post("/v1/jobs", json=FLOW).json()["id"]
    answer = client.head(f"/v1/jobs/{job}/events")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_the_connection_goes_on(serve):
    address = urlsplit(serve()[1])
    connection = HTTPConnection(address.hostname, address.port, timeout=60)
    for method in ("HEAD", "GET", "HEAD"):
        connection.request(method, "/healthz")
        response = connection.getresponse()
        assert int(response.headers["content-length"]) > 0
        assert bool(response.read()) == (method == "GET")


def test_a_failure_has_no_body_either(client, monkeypatch):
    from vocoder.inference.voices import Voices

    def fail(_):
        raise RuntimeError("on purpose")

    monkeypatch.setattr(Voices, "names", fail)
    answer = client.head("/v1/voices")
    assert (answer.status_code, answer.content) == (500, b"")
