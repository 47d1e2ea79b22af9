"""How late the blocks of those who stream may come, by what they have taken lately."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from vocoder.inference.speech import Speech

LATELY = 10.0
"""Seconds that a block's delay is remembered."""
_WEIGHT = 0.1  # of the newest block in the running mean of what one costs


class Delays:
    """Of short blocks on one event loop: the time from their frames to their audio, and the work in it.

    Args:
        shortest, longest: seconds between which `expected` is kept.
    """

    def __init__(self, shortest: float, longest: float) -> None:
        self._shortest, self._longest = shortest, max(shortest, longest)
        # Moments and delays, without those that a later one has surpassed: the first is the worst.
        self._made: deque[tuple[float, float]] = deque()
        self._under_way: dict[object, float] = {}
        self._work: float | None = None

    @contextmanager
    def measured(self, speech: "Speech[bytes]") -> Iterator[None]:
        """Around the making of a block; one that fails or is cancelled counts nothing."""
        block, began = object(), time.monotonic()
        self._under_way[block] = began
        try:
            yield
            self._add(time.monotonic() - began, speech.work)
        finally:
            del self._under_way[block]

    def expected(self, streams: int) -> float:
        """Seconds after its frames at which a block may come, while so many streams may bring theirs.

        As late as the slowest one lately, made or under way, and as late as the last of one block from each
        stream, made one by one.
        """
        now = time.monotonic()
        while self._made and now - self._made[0][0] > LATELY:
            self._made.popleft()
        oldest = min(self._under_way.values(), default=now)
        slowest = max([now - oldest, *(delay for _, delay in self._made)])
        return min(self._longest, max(self._shortest, slowest, streams * (self._work or 0.0)))

    def _add(self, delay: float, work: float) -> None:
        while self._made and self._made[-1][1] <= delay:
            self._made.pop()
        self._made.append((time.monotonic(), delay))
        self._work = work if self._work is None else self._work + _WEIGHT * (work - self._work)
