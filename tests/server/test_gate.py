"""Who may come in, and how often."""

import urllib.error
import urllib.request

import numpy as np
import pytest

from server.app import create_app
from server.gate import _WRONG_KEYS
from server.keys import KeyFile, Scope
from server.settings import Settings
from vocoder.errors import ConfigError

OPEN = ["/", "/healthz", "/problems/busy", "/openapi.json", "/docs", "/v1/samples"]
GUARDED = {
    Scope.SYNTHESIS: [
        ("GET", "/v1/voices"),
        ("GET", "/v1/voices/student"),
        ("POST", "/v1/synthesize"),
        ("POST", "/v1/resynthesize"),
        ("POST", "/v1/mel"),
        ("POST", "/v1/baselines/griffin-lim"),
    ],
    Scope.ADMIN: [
        ("GET", "/metrics"),
        ("POST", "/v1/voices/rescan"),
        ("POST", "/v1/voices/student/load"),
        ("POST", "/v1/voices/student/unload"),
    ],
}
ROUTES = [(scope, *route) for scope, routes in GUARDED.items() for route in routes]


@pytest.fixture
def tokens(tmp_path):
    """A key for each scope."""
    file = KeyFile(tmp_path / "keys.json")
    return {scope: file.create(scope, [scope]) for scope in Scope}


@pytest.fixture
def guarded(make_client, tokens, tmp_path):
    return make_client(auth="on", keys_file=tmp_path / "keys.json")


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def problem(response):
    return response.json()["type"].rpartition("/")[2]


def test_every_route_is_guarded_or_meant_to_be_open(guarded):
    paths = set(guarded.get("/openapi.json").json()["paths"])
    named = {path.replace("student", "{name}") for _, _, path in ROUTES}
    assert {path for path in paths - named if "{" not in path} - set(OPEN) <= {
        "/readyz",
        "/v1/score",
        "/v1/jobs",
    }


@pytest.mark.parametrize(("scope", "method", "path"), ROUTES)
def test_a_guarded_route_asks_for_a_key_of_its_scope(guarded, tokens, scope, method, path):
    without = guarded.request(method, path)
    assert (without.status_code, problem(without)) == (401, "unauthorized")
    assert without.headers["www-authenticate"] == "Bearer"
    for other, token in tokens.items():
        response = guarded.request(method, path, headers=bearer(token))
        if other in (scope, Scope.ADMIN):
            assert response.status_code not in (401, 403)
        else:
            assert (response.status_code, problem(response)) == (403, "forbidden")


@pytest.mark.parametrize("path", OPEN)
def test_an_open_route_asks_for_nothing(guarded, path):
    assert guarded.get(path).status_code == 200


@pytest.mark.parametrize(
    "header", ["Bearer nonsense", "Bearer", "Basic YTpi", "Bearer vk_00000000_x", "Bearer \xff"]
)
def test_what_is_no_key_is_refused(guarded, header):
    response = guarded.get("/v1/voices", headers={"Authorization": header.encode("latin-1")})
    assert problem(response) == "unauthorized"


def test_wrong_keys_are_counted(guarded, tokens):
    for _ in range(_WRONG_KEYS.amount):
        assert guarded.get("/v1/voices", headers=bearer("wrong")).status_code == 401
    response = guarded.get("/v1/voices", headers=bearer("wrong"))
    assert problem(response) == "rate-limited"
    assert int(response.headers["retry-after"]) >= 1
    assert guarded.get("/v1/voices", headers=bearer(tokens[Scope.ADMIN])).status_code == 200


def test_each_key_has_its_own_rate(make_client, tokens, tmp_path):
    client = make_client(auth="on", keys_file=tmp_path / "keys.json", rate_limit="2/hour")
    for _ in range(2):
        assert client.get("/v1/voices", headers=bearer(tokens[Scope.SYNTHESIS])).status_code == 200
    limited = client.get("/v1/voices", headers=bearer(tokens[Scope.SYNTHESIS]))
    assert problem(limited) == "rate-limited"
    assert 1 <= int(limited.headers["retry-after"]) <= 3600
    assert client.get("/v1/voices", headers=bearer(tokens[Scope.ADMIN])).status_code == 200


@pytest.mark.parametrize(
    ("trusted", "statuses"), [("127.0.0.1", [200, 200, 429]), ("10.0.0.1", [200, 429, 429])]
)
def test_a_proxy_that_is_trusted_says_who_asks(serve, trusted, statuses):
    _, url = serve(rate_limit="1/hour", trusted_proxies=trusted)
    found = []
    for visitor in ("192.0.2.1", "192.0.2.2", "192.0.2.2"):
        asked = urllib.request.Request(f"{url}/v1/voices", headers={"X-Forwarded-For": visitor})
        try:
            with urllib.request.urlopen(asked) as answer:
                found.append(answer.status)
        except urllib.error.HTTPError as error:
            found.append(error.code)
    assert found == statuses


def test_without_keys_each_address_has_its_rate(make_client):
    client = make_client(rate_limit="1/hour")
    assert client.get("/v1/voices").status_code == 200
    assert problem(client.get("/v1/voices")) == "rate-limited"
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("settings", "needed"),
    [
        ({"host": "127.0.0.1"}, False),
        ({"host": "localhost"}, False),
        ({"host": "::1"}, False),
        ({"host": "0.0.0.0"}, True),
        ({"host": "example.org"}, True),
        ({"host": "0.0.0.0", "auth": "off"}, False),
        ({"host": "127.0.0.1", "auth": "on"}, True),
    ],
)
def test_keys_are_needed_where_others_can_connect(settings, needed):
    assert Settings(**settings).needs_keys == needed


def test_a_server_for_others_does_not_start_without_keys(voices, tmp_path):
    with pytest.raises(ConfigError, match="vocoder keys create"):
        create_app(Settings(host="0.0.0.0"))
    with pytest.raises(ConfigError, match="vocoder keys create"):
        create_app(Settings(host="0.0.0.0", keys_file=tmp_path / "none.json"))


def test_a_rate_that_is_none_is_refused(voices):
    with pytest.raises(ConfigError, match="600/minute"):
        create_app(Settings(rate_limit="many"))


def test_a_stream_asks_for_a_key_too(serve, tokens, tmp_path):
    import json

    from websockets.sync.client import connect

    _, url = serve(auth="on", keys_file=tmp_path / "keys.json")

    def answer(headers=None, **start):
        with connect(url.replace("http", "ws") + "/v1/stream", additional_headers=headers) as socket:
            socket.send(json.dumps({"type": "start"} | start))
            return json.loads(socket.recv(30))

    assert answer()["problem"]["type"] == "/problems/unauthorized"
    assert answer(bearer(tokens[Scope.JOBS]))["problem"]["type"] == "/problems/forbidden"
    assert answer(bearer(tokens[Scope.SYNTHESIS]))["type"] == "started"
    assert answer(api_key=tokens[Scope.SYNTHESIS])["type"] == "started"


def test_a_refused_request_is_not_read(guarded):
    sent = []

    def chunks():
        sent.append(1)
        yield np.zeros(80 * 20, "<f4").tobytes()

    assert guarded.post("/v1/synthesize", content=chunks()).status_code == 401
