"""A job's folder: one process at a time, the one with the ticket."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from training.jobs.attempt import JobFolder, Outcome, Superseded
from training.jobs.records import JobSpec, State

SPEC = JobSpec(recipe="flow", config={})
HOLD = (
    "import sys, time; from pathlib import Path; from training.jobs.attempt import JobFolder\n"
    "with JobFolder(Path(sys.argv[1])).hold('one'): print('held', flush=True); time.sleep(60)"
)


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return JobFolder(tmp_path / "job")


def test_without_the_ticket_nobody_trains(folder: JobFolder) -> None:
    folder.admit("two", SPEC)
    with pytest.raises(Superseded), folder.hold("one"):
        pass


def test_the_ticket_says_what_to_train(folder: JobFolder) -> None:
    folder.admit("one", SPEC)
    with folder.hold("one") as spec:
        assert spec == SPEC


def test_the_lock_dies_with_its_process_and_not_before(folder: JobFolder) -> None:
    assert folder.admit("one", SPEC)
    command = [sys.executable, "-c", HOLD, str(folder.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert folder.occupied()
        assert not folder.admit("two", SPEC)
        os.kill(process.pid, signal.SIGKILL)
    assert not folder.occupied()
    assert folder.admit("two", SPEC)


def test_an_outcome_counts_for_its_own_attempt(folder: JobFolder) -> None:
    folder.conclude(Outcome(token="one", state=State.FAILED, reason="why"))
    assert folder.outcome("two") is None
    found = folder.outcome("one")
    assert found is not None
    assert found.reason == "why"


def test_a_process_that_trains_gives_signs_of_life(folder: JobFolder) -> None:
    folder.admit("one", SPEC)
    with folder.hold("one"):
        begun = time.time()
        while not (folder.path / "heartbeat").exists():
            time.sleep(0.01)
    assert (folder.heartbeat() or 0) > begun - 1
