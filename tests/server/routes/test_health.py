"""Alive, and ready."""

from starlette.testclient import TestClient

from server.app import create_app
from server.settings import Settings


def test_ready_means_that_every_voice_is_warm(client, wait_until):
    wait_until(lambda: client.get("/readyz").status_code == 200)
    assert client.get("/readyz").json() == {"status": "ready", "voices": ["student", "wide"]}


def test_not_ready_without_the_default_voice(voices, wait_until):
    (voices / "student.safetensors").write_bytes(b"damaged")
    with TestClient(create_app(Settings()), "http://localhost") as client:
        wait_until(lambda: "default voice" in client.get("/readyz").json().get("detail", ""))
        assert client.get("/readyz").status_code == 503


def test_alive(client):
    assert client.get("/healthz").json() == {"status": "ok"}
