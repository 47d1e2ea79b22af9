"""Jobs by command, of a folder: asked for, run, read, deleted; what cannot be is said."""

import json
import shutil
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from typer.testing import CliRunner

from training.commands.jobs import app
from training.jobs.client import LocalClient, RemoteClient
from training.jobs.store import JobConflict, UnknownJob
from vocoder.errors import ConfigError, VocoderError

CLIP = Path(__file__).parents[2] / "data" / "LJ001-0002.flac"
FLOW = {"recipe": "flow", "config": {"flow": "planar", "data": "two-moons", "steps": 20}}


@pytest.fixture
def command(tmp_path: Path):
    """Run `vocoder jobs` over a folder; returns what it prints."""

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, [*arguments, "--root", str(tmp_path)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_asking_after_jobs_makes_none(tmp_path: Path) -> None:
    root = tmp_path / "jobs"
    told = CliRunner().invoke(app, ["list", "--root", str(root)])
    assert (told.exit_code, told.stdout) == (0, "")
    assert "no jobs in" in told.stderr
    assert json.loads(CliRunner().invoke(app, ["list", "--json", "--root", str(root)]).stdout) == []
    for question in ("show", "logs", "cancel", "resume", "delete", "follow"):
        assert isinstance(
            CliRunner().invoke(app, [question, "none", "--root", str(root)]).exception, UnknownJob
        )
    assert not root.exists()


def test_a_job_is_run_its_log_read_and_the_job_deleted(command) -> None:
    job = command("submit", "flow", "flow=planar", "data=two-moons", "steps=20").strip()
    assert command("logs", job) == ""
    with pytest.raises(JobConflict, match="is queued: cancel it first"):
        command("delete", job)
    command("run", "--until-idle")
    log = command("logs", job)
    assert "flow" in log
    assert command("logs", job, "--lines", "1") == log.splitlines(keepends=True)[-1]
    assert command("delete", job) == f"{job} is deleted\n"
    assert command("list") == ""
    with pytest.raises(UnknownJob):
        command("logs", job)


def test_a_deadline_that_is_past_is_refused(tmp_path: Path) -> None:
    client = LocalClient(tmp_path)
    past, ahead = ((datetime.now(UTC) + timedelta(seconds=seconds)).isoformat() for seconds in (-1.0, 3600.0))
    with pytest.raises(ConfigError, match=r"deadline: .* is past"):
        client.submit(FLOW | {"deadline": past}, None)
    assert client.submit(FLOW | {"deadline": ahead}, None)["state"] == "queued"


def test_a_request_sent_again_after_its_deadline_gives_the_job_it_made(tmp_path: Path) -> None:
    client = LocalClient(tmp_path)
    soon = (datetime.now(UTC) + timedelta(seconds=0.5)).isoformat()
    job = client.submit(FLOW | {"deadline": soon}, "one")
    while datetime.now(UTC) < datetime.fromisoformat(soon):
        time.sleep(0.05)
    assert client.submit(FLOW | {"deadline": soon}, "one")["id"] == job["id"]


class _CutOff(BaseHTTPRequestHandler):
    """A server of one job that breaks off its stream after each event, and is down once."""

    told: ClassVar[list[dict]] = [
        {"number": n, "kind": "state", "data": {"state": state}}
        for n, state in enumerate(("queued", "running", "succeeded"), start=1)
    ]
    asked: ClassVar[list[int]] = []

    def do_GET(self) -> None:
        if not self.path.endswith("/events"):
            reached = max([0, *self.asked])
            return self._answer(200, json.dumps(self.told[max(0, reached - 1)]["data"]).encode())
        after = int(self.headers["Last-Event-ID"])
        self.asked.append(after)
        if self.asked.count(after) == 1 and after == 1:
            return self._answer(503, b'{"detail": "starting"}')
        data = b"".join(b"data: %s\n\n" % json.dumps(e).encode() for e in self.told[after : after + 1])
        return self._answer(200, data)

    def _answer(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def test_a_job_is_followed_through_broken_connections_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.jobs.client._RETRY_SECONDS", 0.01)
    with ThreadingHTTPServer(("127.0.0.1", 0), _CutOff) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = RemoteClient(f"http://127.0.0.1:{server.server_port}")
        numbers = [event["number"] for event in client.follow("1f2e", 0)]
        server.shutdown()
    assert numbers == [1, 2, 3]
    assert _CutOff.asked == [0, 1, 1, 2, 3]


def test_a_server_that_is_not_there_is_said_so() -> None:
    with pytest.raises(VocoderError, match="cannot be asked"):
        next(RemoteClient("http://127.0.0.1:9").follow("1f2e", 0))


def test_paths_of_a_local_job_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner may be started in another folder."""
    (tmp_path / "recordings" / "mine").mkdir(parents=True)
    shutil.copy(CLIP, tmp_path / "recordings" / "mine" / "me_clip.flac")
    (tmp_path / "recordings" / "mine" / "train.txt").write_text("me_clip.flac\n")
    monkeypatch.chdir(tmp_path)
    data = {"root": "recordings", "sources": [{"folder": "mine", "list": "train.txt"}]}
    job = LocalClient(tmp_path / "jobs").submit({"recipe": "student", "config": {"data": data}}, None)
    assert job["config"]["data"]["root"] == str(tmp_path / "recordings")
