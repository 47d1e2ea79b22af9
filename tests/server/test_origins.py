"""Pages of other servers, and names that are led here, get nothing done."""

import json
import socket
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from server.keys import KeyFile, Scope

STRANGER = "https://stranger.example"
FRIEND = "https://friend.example"
CHANGES = [("POST", "/v1/voices/rescan"), ("POST", "/v1/voices/wide/unload"), ("DELETE", "/v1/jobs/none")]
OWN = ["localhost", "localhost:8000", "LOCALHOST", "127.0.0.1:8000", "127.0.0.1", "[::1]", "[::1]:8000"]
FOREIGN = [
    "stranger.example",
    "stranger.example:8000",
    "0.0.0.0",
    "localhost.stranger.example",
    "[::1",
    "::1",
    "",
]


def refusal(response):
    """What the client is told to do; fails if it was let in."""
    assert response.status_code == 403
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.json()["type"] == "/problems/forbidden"
    return response.json()["detail"]


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_a_page_of_another_server_changes_nothing(client, wait_until, method, path):
    wait_until(lambda: client.get("/readyz").status_code == 200)
    for origin in (STRANGER, "null", "http://localhost:81", "http://[", "localhost"):
        assert "cors_origins" in refusal(client.request(method, path, headers={"Origin": origin}))
    assert client.get("/v1/voices/wide").json()["loaded"] is True


@pytest.mark.parametrize("origin", ["http://localhost", "https://localhost", FRIEND, None])
def test_own_pages_those_that_are_named_and_programs_may(make_client, origin):
    client = make_client(cors_origins=FRIEND)
    headers = {"Origin": origin} if origin else {}
    assert client.post("/v1/voices/rescan", headers=headers).status_code == 200


def test_every_page_may_where_all_are_named(make_client):
    client = make_client(cors_origins="*")
    assert client.post("/v1/voices/rescan", headers={"Origin": STRANGER}).status_code == 200


def test_to_look_is_no_change(client):
    assert client.get("/v1/voices", headers={"Origin": STRANGER}).status_code == 200


def test_a_name_that_was_led_here_is_no_name_of_this_server(client):
    for host in FOREIGN:
        assert "auth=on" in refusal(client.get("/healthz", headers={"Host": host}))
    for path in ("/", "/v1/voices", "/web/index.html", "/openapi.json", "/nothing"):
        refusal(client.get(path, headers={"Host": "stranger.example"}))


def test_such_a_name_makes_no_page_our_own(client):
    refusal(client.post("/v1/voices/rescan", headers={"Host": "stranger.example", "Origin": STRANGER}))


def test_the_names_of_this_machine_are_answered(client):
    for host in OWN:
        assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_an_origin_that_is_named_names_the_server_of_a_proxy(make_client):
    client = make_client(cors_origins=f"{FRIEND}:8443")
    assert client.get("/healthz", headers={"Host": "friend.example"}).status_code == 200


@pytest.mark.parametrize(
    "settings", [{"auth": "on"}, {"host": "0.0.0.0"}, {"host": "0.0.0.0", "auth": "off"}]
)
def test_any_name_will_do_where_keys_are_needed_or_others_connect(make_client, tmp_path, settings):
    file = tmp_path / "keys.json"
    KeyFile(file).create("", [Scope.SYNTHESIS])
    client = make_client(keys_file=file, **settings)
    assert client.get("/healthz", headers={"Host": "vocoder.example"}).status_code == 200


def test_a_stream_under_such_a_name_is_not_accepted(serve):
    _, url = serve()
    address = urlsplit(url)
    with (
        socket.create_connection((address.hostname, address.port)) as there,
        pytest.raises(InvalidStatus) as refused,
    ):
        connect("ws://stranger.example/v1/stream", sock=there)
    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body)["type"] == "/problems/forbidden"
