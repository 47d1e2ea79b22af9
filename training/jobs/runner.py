"""The runner: takes jobs from the queue, watches their processes, and writes what became of them.

It may be killed at any moment. Whatever it was about to do can be seen from the store and from the jobs'
folders, so the next runner adopts the processes that still train, and queues again what was cut off.
"""

import fcntl
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import Field

from training.jobs.attempt import JobFolder
from training.jobs.collect import collect, collect_rest
from training.jobs.records import Job, State
from training.jobs.store import Store
from vocoder.config import Config

logger = logging.getLogger(__name__)
LOCK = "runner.lock"
_BEAT_SECONDS = 5.0


class RunnerConfig(Config):
    poll_seconds: float = Field(default=0.5, gt=0)
    lease_seconds: float = Field(
        default=120, gt=0, description="a process that gives no sign for so long is killed"
    )
    grace_seconds: float = Field(default=60, ge=0, description="for a process to save and leave")
    max_interruptions: int = Field(
        default=5, ge=0, description="in a row, without a checkpoint saved; then the job fails"
    )


@runtime_checkable
class Processes(Protocol):
    """Where attempts run. `slots` lists the places of each device; an attempt takes one."""

    slots: dict[str, list[str]]

    def start(self, job: Job, folder: JobFolder) -> None:
        """Begin the attempt whose ticket lies in the folder."""

    def alive(self, job: Job, folder: JobFolder) -> bool:
        """Whether its process trains, or is about to."""

    def waiting(self, job: Job, folder: JobFolder) -> bool:
        """Whether its process has no place yet, so that no sign can be expected."""

    def ask_to_leave(self, job: Job, folder: JobFolder) -> None:
        """Let it save and end."""

    def kill(self, job: Job, folder: JobFolder) -> None:
        """End every process of the job, also those that a killed one left behind."""

    def death(self, job: Job, folder: JobFolder) -> str:
        """How it ended, as far as is known, in words."""


class Runner:
    """Moves the jobs of one store through their states; one at a time per store."""

    def __init__(self, store: Store, processes: Processes, config: RunnerConfig | None = None) -> None:
        self.store, self.processes, self.config = store, processes, config or RunnerConfig()
        self._asked: dict[str, float] = {}  # token -> when the process was asked to leave
        self._told: dict[str, str] = {}  # job -> the last error over it
        self._waited: dict[str, float] = {}  # token -> when the process was last seen without a place

    def run(self, stop: threading.Event, *, until_idle: bool = False) -> None:
        """Serve the queue until `stop` is set (running jobs then save, leave, and are queued again).

        While another runner has the store, this one waits for its turn.
        """
        with self._only_one(stop) as mine:
            while mine and not stop.is_set():
                self._safely_tick()
                if until_idle and not self._unfinished():
                    return
                stop.wait(self.config.poll_seconds)
            if mine:
                self._release()

    def tick(self) -> None:
        """Look at every running job once, and start what there is a place for."""
        for job in self._running():
            with self._of_one(job):
                self._tend(job)
        self._start_queued()

    @contextmanager
    def _of_one(self, job: Job) -> Iterator[None]:
        """An error over one job holds up no other, and one over its figures not its end."""
        try:
            yield
        except Exception as error:
            if self._told.get(job.id) != repr(error):  # it comes again with each look
                logger.exception("job %s: the runner goes on after an error", job.id)
            self._told[job.id] = repr(error)

    def _safely_tick(self) -> None:
        try:
            self.tick()
        except Exception:
            logger.exception("the runner goes on after an error")

    def _tend(self, job: Job) -> None:
        folder = JobFolder(self.store.folder(job.id))
        if not self.processes.alive(job, folder):
            self._conclude(job, folder)
            return
        with self._of_one(job):
            collect(self.store, job, folder)
        if self.processes.waiting(job, folder):
            self._waited[str(job.token)] = time.time()
        sign = max(folder.heartbeat() or time.time(), self._waited.get(str(job.token), 0.0))
        if sign - (job.heartbeat or 0) > _BEAT_SECONDS:
            self.store.beat(job, sign)
        if time.time() - sign > self.config.lease_seconds:
            logger.warning("job %s gives no sign: its process is killed", job.id)
            self.processes.kill(job, folder)
        elif job.cancelling or _late(job):
            self._end_process(job, folder)

    def _end_process(self, job: Job, folder: JobFolder) -> None:
        asked = self._asked.get(str(job.token))
        if asked is None:
            self._asked[str(job.token)] = time.monotonic()
            self.processes.ask_to_leave(job, folder)
        elif time.monotonic() - asked > self.config.grace_seconds:
            self.processes.kill(job, folder)

    def _conclude(self, job: Job, folder: JobFolder) -> None:
        """The process is gone: what did it leave?"""
        self.processes.kill(job, folder)  # what it had started
        self._asked.pop(str(job.token), None)
        self._waited.pop(str(job.token), None)
        with self._of_one(job):
            collect_rest(self.store, job, folder)
        death = self.processes.death(job, folder)
        job = self.store.get(job.id)
        outcome = folder.outcome(job.token)
        gained = folder.gained()
        if outcome is not None:
            self.store.end(job, outcome.state, outcome.reason)
        elif job.cancelling:
            self.store.end(job, State.CANCELLED)
        elif _late(job):
            self.store.end(job, State.FAILED, "the deadline passed; it can be resumed")
        elif (count := 0 if gained else job.interruptions + 1) > self.config.max_interruptions:
            self.store.end(
                job, State.FAILED, f"{death}, {count} times without a checkpoint: the log may say why"
            )
        else:
            self.store.requeue(job, f"interrupted: {death}", count)

    def _start_queued(self) -> None:
        for device, slots in self.processes.slots.items():
            taken = {job.slot for job in self._running()}
            for slot in (slot for slot in slots if slot not in taken):
                if (job := self._next(device)) is None:
                    break
                self._start(job, slot)

    def _next(self, device: str) -> Job | None:
        while (job := self.store.next_queued(device)) and _late(job):
            self.store.expire(job, "the deadline passed before it could begin")
        return job

    def _start(self, queued: Job, slot: str) -> None:
        job = self.store.claim(queued.id, slot)
        if job is None:
            return
        folder = JobFolder(self.store.folder(job.id))
        self.processes.kill(job, folder)  # a late one of an earlier attempt
        if folder.admit(str(job.token), job.spec):
            self.processes.start(job, folder)

    def _release(self) -> None:
        """Let every process save and leave; its job waits in the queue for the next runner."""
        deadline = time.monotonic() + self.config.grace_seconds
        left = {job.id: (job, JobFolder(self.store.folder(job.id))) for job in self._running()}
        for job, folder in left.values():
            self.processes.ask_to_leave(job, folder)
        while left:
            for job, folder in list(left.values()):
                if time.monotonic() > deadline:
                    self.processes.kill(job, folder)
                if not self.processes.alive(job, folder):
                    with self._of_one(job):
                        self._conclude(job, folder)
                    del left[job.id]
            time.sleep(0.05)

    def _running(self) -> list[Job]:
        return self.store.jobs(states=(State.RUNNING,), limit=10_000)

    def _unfinished(self) -> list[Job]:
        return self.store.jobs(states=(State.RUNNING, State.QUEUED), limit=1)

    @contextmanager
    def _only_one(self, stop: threading.Event) -> Iterator[bool]:
        with Path(self.store.root / LOCK).open("w") as file:
            while not stop.is_set():
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    stop.wait(self.config.poll_seconds)
                else:
                    yield True
                    return
            yield False


def _late(job: Job) -> bool:
    return job.spec.deadline is not None and time.time() > job.spec.deadline
