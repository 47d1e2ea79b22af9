"""Blocks of many streams on a few threads: the most urgent first, and with it those that fit into its batch.

A block of a few frames costs mostly the overhead of its many small operations: eight of them in one batch
take about as long as three alone. That overhead is the interpreter's, which runs one thread at a time: two
short batches side by side take as long as one after the other, and hold up the event loop besides. So no
thread begins a short one while another is at one; those that come meanwhile make up the next. Otherwise a
block waits for company only where `gather_seconds` says so. A voice whose time goes into compiled loops, as a
teacher's does, is not held back.
"""

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import torch

from vocoder.inference.steps import Made, Step, run_steps

SHORT_FRAMES = 32
"""A batch of fewer frames is short."""


class Scheduler:
    """Threads that make the steps they are given.

    Args:
        threads: batches made at once.
        setup: called first on each thread.
        max_batch: streams in a batch.
        max_frames: frames in a batch, of all its streams: long blocks gain little from company, and a short
            one would wait for them.
        gather_seconds: how long a step may wait for others of its kind while a thread is free.
        precision: of the matrix products, by autocast unless it is float32.

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
        precision: torch.dtype = torch.float32,
    ) -> None:
        self._max_batch, self._max_frames, self._gather = max_batch, max_frames, gather_seconds
        self._setup, self._precision = setup, precision
        self.observe: Callable[[int], object] = lambda size: None
        self._changed = threading.Condition()
        self._pending: list[Step] = []
        self._closed, self._short = False, False  # whether a short batch is under way
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
        with self._changed:
            if self._closed:
                step.future.cancel()
            else:
                self._pending.append(step)
                self._changed.notify()
        return step.future

    def close(self) -> None:
        """Let the batches under way finish, drop the rest."""
        with self._changed:
            self._closed = True
            for step in self._pending:
                step.future.cancel()
            self._pending = []
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        self._setup()
        while (taken := self._take()) is not None:
            batch, short = taken
            if batch:
                self.observe(len(batch))
                self._make(batch)
            del taken, batch  # an idle thread keeps no stream alive
            if short:
                with self._changed:
                    self._short = False
                    self._changed.notify()  # this thread may take a long one next

    def _make(self, batch: list[Step]) -> None:
        for step, outcome in zip(batch, run_steps(batch, self._precision), strict=True):
            if isinstance(outcome, Exception):
                step.future.set_exception(outcome)
            else:
                step.future.set_result(outcome)

    def _take(self) -> tuple[list[Step], bool] | None:
        """The next batch without what was withdrawn, and whether it counts as short; None at the end."""
        with self._changed:
            while not self._closed:
                chosen, due = self._choose()
                if not due:
                    short = _is_short(chosen)
                    self._short |= short
                    self._pending = [step for step in self._pending if step not in chosen]
                    return [step for step in chosen if step.future.set_running_or_notify_cancel()], short
                self._changed.wait(None if due == math.inf else due)
        return None

    def _choose(self) -> tuple[list[Step], float]:
        """The most urgent steps that may be made, and for how many seconds they must wait yet."""
        pending = sorted(self._pending, key=lambda step: step.due)
        for urgent in pending:
            limit = max(1, min(self._max_batch, self._max_frames // _frames([urgent])))
            chosen = [step for step in pending if step.key == urgent.key][:limit]
            if self._short and _is_short(chosen):
                continue
            patience = self._gather if len(chosen) < limit else 0.0
            return chosen, max(0.0, urgent.arrived + patience - time.monotonic())
        return [], math.inf


def _frames(batch: list[Step]) -> int:
    """The frames of the batch; those at the end of an utterance, which bring none, count as one each."""
    return sum(max(1, step.mel.shape[1]) for step in batch)


def _is_short(batch: list[Step]) -> bool:
    return batch[0].voice.interpreted and _frames(batch) < SHORT_FRAMES
