"""Around every request: ids, safe headers, origins, the log."""

import json
import logging

import pytest

from server.logs import JsonFormatter, TextFormatter
from server.settings import Settings

PATHS = ["/", "/docs", "/healthz", "/v1/voices", "/nothing", "/v1/synthesize", "/web/none.js"]
ORIGIN = {"Origin": "https://friend.example"}


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_keeps_a_browser_out_of_trouble(client, path):
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src" in headers["content-security-policy"]
    assert "server" not in headers


def test_a_failure_has_them_too(client, monkeypatch):
    from vocoder.inference.voices import Voices

    def fail(_):
        raise RuntimeError("a secret")

    monkeypatch.setattr(Voices, "names", fail)
    response = client.get("/v1/voices")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-request-id"]


def test_the_reference_needs_no_other_address(client):
    page = client.get("/docs")
    assert "//" not in page.text.replace("</", "")
    assert "'unsafe-inline'" not in page.headers["content-security-policy"].partition("script-src")[2]
    for name in ("files/swagger-ui-bundle.js", "files/swagger-ui.css", "start.js"):
        assert f"docs/{name}" in page.text
        assert client.get(f"/docs/{name}").status_code == 200


def test_a_request_keeps_the_id_it_came_with(client):
    assert (
        client.get("/healthz", headers={"X-Request-ID": "order-66.b_1"}).headers["x-request-id"]
        == "order-66.b_1"
    )


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", 'a"b', "a;b", "é"])
def test_an_id_that_is_none_is_replaced(client, given):
    made = client.get("/healthz", headers={"X-Request-ID": given.encode("latin-1")}).headers["x-request-id"]
    assert made != given
    assert len(made) == 32


def test_pages_of_others_may_not_read_answers(client):
    response = client.get("/healthz", headers=ORIGIN)
    assert "access-control-allow-origin" not in response.headers
    asked = client.options("/v1/synthesize", headers=ORIGIN | {"Access-Control-Request-Method": "POST"})
    assert "access-control-allow-origin" not in asked.headers


def test_origins_that_are_named_may(make_client):
    client = make_client(cors_origins="https://friend.example, https://other.example")
    response = client.get("/healthz", headers=ORIGIN)
    assert response.headers["access-control-allow-origin"] == "https://friend.example"
    stranger = client.get("/healthz", headers={"Origin": "https://stranger.example"})
    assert "access-control-allow-origin" not in stranger.headers


def test_a_voice_of_any_name_goes_into_a_header_safely(client, voices, utterance):
    spoken = utterance(9)
    (voices / "student.safetensors").rename(voices / "zoë\r\nX-Evil: 1.safetensors")
    response = client.post(
        "/v1/synthesize",
        content=spoken.npy,
        headers={"Content-Type": "application/x-npy"},
        params={"voice": "zoë\r\nX-Evil: 1"},
    )
    assert response.status_code == 200
    assert "x-evil" not in response.headers
    assert response.headers["vocoder-voice"] == "zo%C3%AB%0D%0AX-Evil%3A%201"


class _Kept(logging.Handler):
    """Keeps the records of one logger, whatever other handlers and propagation there are."""

    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)


@pytest.fixture
def access_log():
    logger, kept = logging.getLogger("server.access"), _Kept()
    level = logger.level
    logger.addHandler(kept)
    logger.setLevel(logging.INFO)
    yield kept.records
    logger.setLevel(level)
    logger.removeHandler(kept)


def test_a_request_is_one_line_in_the_log(client, access_log):
    client.get("/v1/voices/a%0Ab", headers={"X-Request-ID": "mine"})
    (record,) = access_log
    assert (record.method, record.route, record.status) == ("GET", "/v1/voices/{name}", 404)


def test_the_line_has_the_method_and_the_status_that_came_and_went(client, access_log):
    client.head("/v1/voices/nobody")
    client.get("/healthz", headers={"Host": "stranger.example"})
    told = [(record.method, record.route, record.status) for record in access_log]
    assert told == [("HEAD", "/v1/voices/{name}", 404), ("GET", "other", 403)]


def record(message, **extra):
    made = logging.LogRecord("server", logging.INFO, "", 0, message, (), None)
    for name, value in ({"request_id": "mine"} | extra).items():
        setattr(made, name, value)
    return made


def test_what_a_stranger_sends_cannot_begin_a_line():
    for formatter in (JsonFormatter(), TextFormatter()):
        assert "\n" not in formatter.format(record("GET /a\nERROR forged\r"))


def test_a_line_of_json_says_what_can_be_searched_for():
    entry = json.loads(JsonFormatter().format(record("done", status=200, seconds=0.1)))
    assert entry.keys() == {"time", "level", "logger", "message", "request_id", "status", "seconds"}
    assert entry["request_id"] == "mine"


def test_origins_are_a_list_in_one_line():
    assert Settings(cors_origins=" https://a.example ,https://b.example,").cors_origins == (
        "https://a.example",
        "https://b.example",
    )
