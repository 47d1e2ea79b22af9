"""How late a block of those who stream may come: by how many they are, and by what blocks took lately."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

LATELY = 10.0
"""Seconds that a block's delay is remembered."""


class Delays:
    """The time from a block's frames to its audio, on one event loop.

    Args:
        shortest, longest: seconds between which `expected` is kept.
        few: streams for which `shortest` is planned, though all bring frames at the same time.
        each: seconds more that are planned for each further one.
    """

    def __init__(self, shortest: float, longest: float, *, few: int, each: float) -> None:
        self._shortest, self._longest = shortest, max(shortest, longest)
        self._few, self._each = few, each
        # Moments and delays, without those that a later one has surpassed: the first is the worst.
        self._made: deque[tuple[float, float]] = deque()
        self._under_way: dict[object, float] = {}

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Around the making of a block; one that fails or is cancelled counts nothing."""
        block, began = object(), time.monotonic()
        self._under_way[block] = began
        try:
            yield
            self._add(time.monotonic() - began)
        finally:
            del self._under_way[block]

    def expected(self, streams: int) -> float:
        """Seconds after its frames at which a block of one of so many streams may come.

        What is planned for them, or as late as the slowest block lately, made or under way.
        """
        now = time.monotonic()
        while self._made and now - self._made[0][0] > LATELY:
            self._made.popleft()
        oldest = min(self._under_way.values(), default=now)
        slowest = max([now - oldest, *(delay for _, delay in self._made)])
        planned = self._shortest + max(0, streams - self._few) * self._each
        return min(self._longest, max(planned, slowest))

    def _add(self, delay: float) -> None:
        while self._made and self._made[-1][1] <= delay:
            self._made.pop()
        self._made.append((time.monotonic(), delay))
