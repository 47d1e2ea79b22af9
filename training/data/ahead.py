"""Batches made ahead of the steps that need them, and how long the steps waited all the same."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

from training.data.segments import Batch, Segments


class Ahead:
    """The batches of `segments`, those of the next `depth` steps being made by threads meanwhile.

    A batch is a function of its step alone, so the order in which they are made changes nothing. Without
    depth each is made when it is asked for: right on a CPU, whose cores the step needs itself.

    Attributes:
        waited: seconds in which a step had no batch yet.
    """

    def __init__(self, segments: Segments, depth: int) -> None:
        self.segments, self.depth, self.waited = segments, depth, 0.0
        self._pool = ThreadPoolExecutor(max(1, depth), thread_name_prefix="batches")
        self._coming: dict[tuple[int, int], Future[Batch]] = {}

    def batch(self, seed: int, step: int) -> Batch:
        """As `Segments.batch`."""
        begun = time.perf_counter()
        for later in range(step, step + self.depth + 1 if self.depth else step):
            if (seed, later) not in self._coming:
                self._coming[seed, later] = self._pool.submit(self.segments.batch, seed, later)
        coming = self._coming.pop((seed, step), None)
        batch = coming.result() if coming is not None else self.segments.batch(seed, step)
        self.waited += time.perf_counter() - begun
        return batch

    def close(self) -> None:
        """Make no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
