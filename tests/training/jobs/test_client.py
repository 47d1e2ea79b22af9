"""Jobs by command, of a folder: asked for, run, read, deleted; what cannot be is said."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from training.commands.jobs import app
from training.jobs.client import LocalClient
from training.jobs.store import JobConflict, UnknownJob
from vocoder.errors import ConfigError

FLOW = {"recipe": "flow", "config": {"flow": "planar", "data": "two-moons", "steps": 20}}


@pytest.fixture
def command(tmp_path: Path):
    """Run `vocoder jobs` over a folder; returns what it prints."""

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, [*arguments, "--root", str(tmp_path)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return run


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
