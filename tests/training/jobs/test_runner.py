"""The runner with real processes: they are stopped, frozen, killed, and lose nothing."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from training.jobs.attempt import JobFolder, Outcome
from training.jobs.faults import torment
from training.jobs.local import LocalProcesses, processes_of
from training.jobs.records import Job, JobSpec, State
from training.jobs.runner import Runner, RunnerConfig
from training.jobs.store import Store

PATIENCE = 200.0


def flow(steps: int, **changes: object) -> JobSpec:
    config = {"flow": "planar", "data": "two-moons", "steps": steps}
    return JobSpec.model_validate({"recipe": "flow", "config": config} | changes)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def tick_until(runner: Runner, job: str, condition: Callable[[Job], bool]) -> Job:
    deadline = time.monotonic() + PATIENCE
    while not condition(found := runner.store.get(job)):
        assert time.monotonic() < deadline, found
        runner.tick()
        time.sleep(0.05)
    return found


def test_a_frozen_process_is_replaced_a_cancelled_one_saves_and_a_job_goes_on(store: Store) -> None:
    runner = Runner(store, LocalProcesses(), RunnerConfig(lease_seconds=5))
    job = store.submit(flow(100_000))[0].id
    tick_until(runner, job, lambda found: found.progress is not None)
    for process in processes_of(store.folder(job)):
        os.kill(process, signal.SIGSTOP)
    tick_until(runner, job, lambda found: found.attempts == 2)
    reasons = [event.data["reason"] for event in store.events(job) if event.kind == "state"]
    assert "interrupted: its process was ended by SIGKILL" in reasons
    begun = store.events(job, limit=10_000)[-1].number
    tick_until(runner, job, lambda _: any(e.kind == "metrics" for e in store.events(job, begun)))
    store.cancel(job)
    assert tick_until(runner, job, lambda found: found.state.ended).state == State.CANCELLED
    assert not processes_of(store.folder(job))
    assert store.resume(job).state == State.QUEUED


def test_a_few_kills_lose_nothing(tmp_path: Path) -> None:
    report = torment(tmp_path, flow(40), jobs=1, kills=5, longest=2.0, seed=1)
    assert report.faults == []
    assert sum(report.kills.values()) == 5


def test_a_deadline_ends_what_waits(store: Store) -> None:
    job = store.submit(flow(10, deadline=time.time() - 1))[0].id
    Runner(store, LocalProcesses()).tick()
    found = store.get(job)
    assert (found.state, found.attempts) == (State.FAILED, 0)
    assert "deadline" in (found.reason or "")


def test_a_claim_without_a_process_is_queued_again(store: Store) -> None:
    """The runner was killed between the claim and the start."""
    job = store.submit(flow(10))[0].id
    store.claim(job, "cpu:0")
    Runner(store, LocalProcesses(cpu_slots=0)).tick()
    found = store.get(job)
    assert (found.state, found.interruptions) == (State.QUEUED, 1)


def test_who_is_interrupted_again_and_again_fails(store: Store) -> None:
    job = store.submit(flow(10))[0].id
    runner = Runner(store, LocalProcesses(cpu_slots=0), RunnerConfig(max_interruptions=2))
    for _ in range(3):
        store.claim(job, "cpu:0")
        runner.tick()
    found = store.get(job)
    assert found.state == State.FAILED
    assert "3 times without a checkpoint" in (found.reason or "")


class Pretended:
    """Processes that do what the test says; none runs."""

    def __init__(self) -> None:
        self.slots: dict[str, list[str]] = {"cpu": ["a", "b"], "gpu": []}
        self.living: set[str] = set()
        self.without_place: set[str] = set()
        self.killed: list[str] = []

    def start(self, job: Job, folder: JobFolder) -> None:
        self.living.add(job.id)

    def alive(self, job: Job, folder: JobFolder) -> bool:
        return job.id in self.living

    def waiting(self, job: Job, folder: JobFolder) -> bool:
        return job.id in self.without_place

    def ask_to_leave(self, job: Job, folder: JobFolder) -> None:
        self.living.discard(job.id)

    def kill(self, job: Job, folder: JobFolder) -> None:
        if job.id in self.living:
            self.killed.append(job.id)
        self.living.discard(job.id)

    def death(self, job: Job, folder: JobFolder) -> str:
        return "gone"


def test_the_lease_of_one_who_waits_for_a_place_begins_when_it_has_one(store: Store) -> None:
    processes = Pretended()
    runner = Runner(store, processes, RunnerConfig(lease_seconds=0.2))
    job = store.submit(flow(10))[0].id
    processes.without_place.add(job)
    runner.tick()
    time.sleep(0.4)
    runner.tick()
    assert processes.killed == []
    processes.without_place.clear()
    runner.tick()
    assert processes.killed == []
    time.sleep(0.4)
    runner.tick()
    assert processes.killed == [job]


def test_a_job_whose_figures_cannot_be_read_holds_up_no_other_and_ends(store: Store) -> None:
    processes = Pretended()
    runner = Runner(store, processes)
    broken, other, third = (store.submit(flow(10))[0].id for _ in range(3))
    runner.tick()
    folder = JobFolder(store.folder(broken))
    (folder.path / "plan.json").write_text('{"stages": "none"}')
    processes.living.discard(other)
    runner.tick()
    assert store.get(other).interruptions == 1
    processes.living.discard(broken)
    JobFolder(store.folder(broken)).conclude(
        Outcome(token=str(store.get(broken).token), state=State.FAILED, reason="it broke")
    )
    runner.tick()
    assert store.get(broken).reason == "it broke"
    assert {store.get(other).state, store.get(third).state} == {State.RUNNING}


def test_one_runner_at_a_time(store: Store) -> None:
    first_stop, second_stop, ended = threading.Event(), threading.Event(), threading.Event()
    config = RunnerConfig(poll_seconds=0.02)
    first = threading.Thread(target=Runner(store, LocalProcesses(0), config).run, args=(first_stop,))
    first.start()
    time.sleep(0.2)

    def run_second() -> None:
        Runner(store, LocalProcesses(0), config).run(second_stop, until_idle=True)
        ended.set()

    second = threading.Thread(target=run_second)
    second.start()
    assert not ended.wait(0.5)
    first_stop.set()
    assert ended.wait(10)
    first.join()
    second.join()
