"""How many at once, and how many may wait for that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vocoder.errors import Busy


class Places:
    """A bounded number of places, and a bounded queue for them, on one event loop.

    Args:
        limit: places.
        queue: how many may wait.
        patience: seconds that one waits at most.
        what: who has places, in the message of a refusal.
    """

    def __init__(self, limit: int, queue: int, patience: float, what: str = "streams") -> None:
        self.what = what
        self.limit, self.queue, self.patience = limit, queue, patience
        self.taken = self.waiting = 0
        self._free = asyncio.Semaphore(limit)

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Hold a place; raises `Busy` when the queue is full, or none becomes free in time."""
        await self._wait()
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
            self._free.release()

    async def _wait(self) -> None:
        if self._free.locked() and self.waiting >= self.queue:
            raise self._busy()
        self.waiting += 1
        try:
            async with asyncio.timeout(self.patience):
                await self._free.acquire()
        except TimeoutError:
            raise self._busy() from None
        finally:
            self.waiting -= 1

    def _busy(self) -> Busy:
        return Busy(
            f"{self.taken} {self.what} are under way, the limit, and {self.waiting} wait; try again soon"
        )
