"""Blocks of many streams on a few threads: the most urgent first, and with it those that fit into its batch.

A block of a few frames costs mostly the overhead of its many small operations, and reading the weights: eight
of them in one batch take about as long as three alone. Those that come while all threads are at work make up
the next batch, and so do those of a short batch while another is under way, where `lone_frames` says so.
Otherwise a block waits for company only where `gather_seconds` or its own patience does. Of idle threads the
one that worked last is woken: the weights are still in its caches, and the others stay out of the way.
"""

import math
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

import torch

from vocoder.inference.graphs import Graphs
from vocoder.inference.steps import Made, Step, run_steps


class Scheduler:
    """Threads that make the steps they are given.

    Args:
        threads: batches made at once.
        setup: called first on each thread.
        max_batch: streams in a batch.
        max_frames: frames in a batch, of all its streams: long blocks gain little from company, and a short
            one would wait for them.
        gather_seconds: how long a step may wait for others of its kind while a thread is free.
        lone_frames: batches of at most so many frames, of all their streams, are made one at a time: they are
            many small operations, and two threads of them wait for the interpreter again and again. Steps
            that come meanwhile make up the next batch; a full or longer one goes beside it. What is
            longer is parted among the threads that are free. 0: neither.
        precision: of the matrix products, by autocast unless it is float32.
        graphs: of what comes again and again, for voices on a GPU.

    `observe`, an attribute, is called with the size of each batch on the thread that made it.
    """

    def __init__(
        self,
        threads: int,
        *,
        setup: Callable[[], object] = lambda: None,
        max_batch: int = 16,
        max_frames: int = 128,
        gather_seconds: float = 0.0,
        lone_frames: int = 0,
        precision: torch.dtype = torch.float32,
        graphs: Graphs | None = None,
    ) -> None:
        self._max_batch, self._max_frames, self._gather = max_batch, max_frames, gather_seconds
        self._lone_frames, self._setup = lone_frames, setup
        self._run = partial(run_steps, precision=precision, graphs=graphs)
        self.observe: Callable[[int], object] = lambda size: None
        self._lock = threading.Lock()
        self._idle: list[threading.Condition] = []  # of threads, the one that worked last at the end
        self._pending: list[Step] = []
        self._making: set[int] = set()  # threads with a batch under way
        self._lone: int | None = None  # the thread that makes a batch beside which no other short one is made
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"vocoder_{i}", daemon=True) for i in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pending(self) -> int:
        """Steps that no thread has taken yet."""
        return len(self._pending)

    def submit(self, step: Step) -> "Future[Made]":
        """Have `step` made; cancelling the future drops it unless its batch is under way."""
        with self._lock:
            if self._closed:
                step.future.cancel()
            else:
                self._pending.append(step)
                if self._choose().steps:
                    self._wake(1)
        return step.future

    def close(self) -> None:
        """Let the batches under way finish, drop the rest."""
        with self._lock:
            self._closed = True
            for step in self._pending:
                step.future.cancel()
            self._pending = []
            self._wake(len(self._idle))
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        self._setup()
        woken = threading.Condition(self._lock)
        while (batch := self._take(woken)) is not None:
            if batch:
                self.observe(len(batch))
                self._make(batch)
            del batch  # an idle thread keeps no stream alive

    def _make(self, batch: list[Step]) -> None:
        for step, outcome in zip(batch, self._run(batch), strict=True):
            if isinstance(outcome, Exception):
                step.future.set_exception(outcome)
            else:
                step.future.set_result(outcome)

    def _take(self, woken: threading.Condition) -> list[Step] | None:
        """The next batch without what was withdrawn; None at the end. Meanwhile idle, until `woken`."""
        thread = threading.get_ident()
        with self._lock:
            self._making.discard(thread)
            if self._lone == thread:
                self._lone = None
            while not self._closed:
                steps, lone, wait = self._choose()
                if not wait:
                    self._pending = [step for step in self._pending if step not in steps]
                    self._making.add(thread)
                    if lone:
                        self._lone = thread
                    if self._choose().steps:  # somebody must watch what is left
                        self._wake(1)
                    return [step for step in steps if step.future.set_running_or_notify_cancel()]
                self._idle.append(woken)
                woken.wait(None if wait == math.inf else wait)
                if woken in self._idle:  # it has waited long enough
                    self._idle.remove(woken)
        return None

    def _wake(self, count: int) -> None:
        """So many idle threads, if there are; the lock must be held."""
        for _ in range(min(count, len(self._idle))):
            self._idle.pop().notify()

    def _choose(self) -> "_Choice":
        """The most urgent steps that may be made now, or those that may be made first."""
        pending = sorted(self._pending, key=lambda step: step.due)
        seen: set[Hashable] = set()
        choice = _Choice([], lone=False, wait=math.inf)
        for urgent in pending:
            if urgent.key in seen:
                continue
            limit = max(1, min(self._max_batch, self._max_frames // _frames(urgent)))
            steps = [step for step in pending if step.key == urgent.key][:limit]
            full = len(steps) == limit
            lone = not full and len(steps) * _frames(urgent) <= self._lone_frames
            if self._lone_frames:
                steps = steps[: math.ceil(len(steps) / self._parts(len(steps) * _frames(urgent)))]
            seen.add(urgent.key)
            if lone and self._lone is not None:
                continue
            wait = 0.0 if full else max(0.0, min(map(self._latest, steps)) - time.monotonic())
            if wait < choice.wait:
                choice = _Choice(steps, lone, wait)
            if not wait:
                break
        return choice

    def _parts(self, frames: int) -> int:
        """Batches to make of so many frames: as many as threads are free, if each is too long to be lone."""
        free = len(self._threads) - len(self._making)
        return max(1, min(free, frames // (self._lone_frames + 1)))

    def _latest(self, step: Step) -> float:
        """When it must go, with company or without."""
        return step.arrived + max(self._gather, step.patience)


class _Choice(NamedTuple):
    steps: list[Step]
    lone: bool  # whether no other short batch is made beside it
    wait: float  # seconds that they wait for company yet


def _frames(step: Step) -> int:
    """The frames of the block; one at the end of an utterance, which brings none, counts as one."""
    return max(1, step.mel.shape[1])
