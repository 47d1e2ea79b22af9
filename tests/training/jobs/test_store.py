"""The store: what was acknowledged stays, a state changes once, an event is told once."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from training.jobs.records import JobSpec, State
from training.jobs.store import JobConflict, Store, UnknownJob


def spec(**changes: object) -> JobSpec:
    return JobSpec.model_validate({"recipe": "flow", "config": {"data": "two-moons"}} | changes)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def states(store: Store, job: str) -> list[str]:
    return [event.data["state"] for event in store.events(job) if event.kind == "state"]


def test_a_submitted_job_outlives_its_process(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from training.jobs.store import Store; from training.jobs.records import JobSpec\n"
        f"job, _ = Store(Path({str(tmp_path)!r})).submit(JobSpec(recipe='flow', config={{}}))\n"
        "print(job.id, flush=True); os.kill(os.getpid(), 9)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()
    assert Store(tmp_path).get(told).state == State.QUEUED


def test_the_same_key_is_the_same_job(store: Store) -> None:
    first, new = store.submit(spec(), "key")
    again, newer = store.submit(spec(), "key")
    assert (new, newer, first.id) == (True, False, again.id)
    with pytest.raises(JobConflict, match="another request"):
        store.submit(spec(priority=1), "key")


def test_only_one_of_many_claims_a_job(store: Store) -> None:
    job, _ = store.submit(spec())
    claims: list[object] = []
    threads = [
        threading.Thread(target=lambda i=i: claims.append(store.claim(job.id, f"cpu:{i}"))) for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(claim is not None for claim in claims) == 1


def test_priority_goes_before_age(store: Store) -> None:
    ids = [store.submit(spec(priority=priority))[0].id for priority in (0, 5, 5, -1)]
    order = []
    while job := store.next_queued("cpu"):
        store.claim(job.id, "cpu:0")
        order.append(job.id)
    assert order == [ids[1], ids[2], ids[0], ids[3]]


def test_a_superseded_attempt_changes_nothing(store: Store) -> None:
    job, _ = store.submit(spec())
    first = store.claim(job.id, "cpu:0")
    assert first is not None
    store.requeue(first, "interrupted", 1)
    second = store.claim(job.id, "cpu:0")
    assert second is not None
    assert store.end(first, State.SUCCEEDED) is None
    assert store.requeue(first, "late", 1) is None
    assert store.get(job.id).token == second.token
    assert states(store, job.id) == ["queued", "running", "queued", "running"]


def test_a_queued_job_is_cancelled_at_once_a_running_one_is_asked(store: Store) -> None:
    waiting, running = store.submit(spec())[0], store.submit(spec())[0]
    store.claim(running.id, "cpu:0")
    assert store.cancel(waiting.id).state == State.CANCELLED
    asked = store.cancel(running.id)
    assert (asked.state, asked.cancelling) == (State.RUNNING, True)


def test_what_failed_or_was_cancelled_is_resumed_and_nothing_else(store: Store) -> None:
    job, _ = store.submit(spec())
    with pytest.raises(JobConflict, match="is queued"):
        store.resume(job.id)
    store.cancel(job.id)
    assert store.resume(job.id).state == State.QUEUED


def test_who_was_asked_to_leave_and_was_interrupted_is_cancelled(store: Store) -> None:
    """Wherever the cancel came, between two looks of the runner or after the last: it holds, and once."""
    job, _ = store.submit(spec())
    running = store.claim(job.id, "cpu:0")
    assert running is not None
    store.cancel(job.id)
    ended = store.requeue(running, "interrupted", 1)
    assert ended is not None
    assert (ended.state, ended.cancelling, ended.ended is None) == (State.CANCELLED, False, False)
    resumed = store.resume(job.id)
    assert (resumed.state, resumed.cancelling, resumed.ended) == (State.QUEUED, False, None)


def test_a_deadline_that_passed_is_dropped_when_the_job_is_resumed(store: Store) -> None:
    asked, later = spec(deadline=time.time() - 1), spec(deadline=time.time() + 1000)
    late, _ = store.submit(asked, "key")
    store.expire(late, "the deadline passed")
    assert store.resume(late.id).spec.deadline is None
    assert store.submit(asked, "key")[0].id == late.id
    early, _ = store.submit(later)
    store.cancel(early.id)
    assert store.resume(early.id).spec == later


def test_only_ended_jobs_are_deleted(store: Store) -> None:
    job, _ = store.submit(spec())
    with pytest.raises(JobConflict, match="cancel it first"):
        store.delete(job.id)
    store.cancel(job.id)
    store.delete(job.id)
    with pytest.raises(UnknownJob):
        store.get(job.id)


def test_pages_hold_every_job_once_the_latest_first(store: Store) -> None:
    ids = [store.submit(spec())[0].id for _ in range(5)]
    page = store.jobs(limit=2)
    pages = [page]
    while page:
        page = store.jobs(limit=2, after=page[-1].id)
        pages.append(page)
    assert [job.id for page in pages for job in page] == ids[::-1]


def test_jobs_are_found_by_state_recipe_and_name(store: Store) -> None:
    mine, _ = store.submit(spec(recipe="student", config={"name": "mine"}))
    other, _ = store.submit(spec())
    store.cancel(other.id)
    assert [job.id for job in store.jobs(recipe="student", name="mine")] == [mine.id]
    assert [job.id for job in store.jobs(states=(State.CANCELLED,))] == [other.id]
    assert store.jobs(recipe="student", states=(State.CANCELLED,)) == []


def test_events_go_on_after_the_last_one_seen(store: Store) -> None:
    job, _ = store.submit(spec())
    store.collect(job.id, "log", 3, [("log", {"line": str(i)}) for i in range(3)])
    seen = store.events(job.id, limit=2)
    rest = store.events(job.id, after=seen[-1].number)
    assert [event.data["line"] for event in rest] == ["1", "2"]
    assert store.position(job.id, "log") == 3
