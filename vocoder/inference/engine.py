"""The engine: voices, and a bounded number of threads on which many streams take turns, block by block."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import torch
from pydantic import Field

from vocoder.checkpoints import DEFAULT_VOICE
from vocoder.config import Config
from vocoder.errors import Busy
from vocoder.inference.voices import Voices

T = TypeVar("T")


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class EngineConfig(Config):
    """One thread a block and as many blocks at once as there are cores: the blocks are too small to share."""

    device: str = "cpu"
    default_voice: str = DEFAULT_VOICE
    workers: int = Field(default_factory=usable_cores, ge=1, description="blocks computed at once")
    threads_per_worker: int = Field(default=1, ge=1, description="torch threads of each")
    max_streams: int = Field(default=8, ge=1, description="utterances under way at once")
    patience: float = Field(default=0.5, ge=0, description="seconds to wait for one of them to end")


class Engine:
    """Runs work for an event loop without blocking it. Whatever belongs to one stream is in that stream."""

    def __init__(self, config: EngineConfig | None = None) -> None:
        self.config = config or EngineConfig()
        self.voices = Voices(device=self.config.device, default=self.config.default_voice)
        self.active_streams = 0
        self._places = asyncio.Semaphore(self.config.max_streams)
        self._pool = ThreadPoolExecutor(
            self.config.workers,
            thread_name_prefix="vocoder",
            initializer=torch.set_num_threads,
            initargs=(self.config.threads_per_worker,),
        )

    @asynccontextmanager
    async def admit(self) -> AsyncIterator[None]:
        """Hold one of the `max_streams` places; raises `Busy` when none becomes free within `patience`."""
        try:
            async with asyncio.timeout(self.config.patience):
                await self._places.acquire()
        except TimeoutError:
            raise Busy(
                f"{self.active_streams} streams are under way, the limit; come again in a second"
            ) from None
        self.active_streams += 1
        try:
            yield
        finally:
            self.active_streams -= 1
            self._places.release()

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """The result of `function(*args)`, computed on a thread of the engine."""
        return await asyncio.wrap_future(self._pool.submit(function, *args))

    async def iterate(self, items: Generator[T]) -> AsyncGenerator[T]:
        """The items, each computed on a thread of the engine, one ahead of the one that is taken.

        Closing this stops the work after the item that is being computed, and closes `items`.
        """
        end = object()
        pending: Future[Any] = self._pool.submit(next, items, end)
        try:
            while (item := await asyncio.wrap_future(pending)) is not end:
                pending = self._pool.submit(next, items, end)
                yield item
        finally:
            pending.cancel()
            pending.add_done_callback(lambda _: items.close())

    def close(self) -> None:
        """Let the blocks under way finish, drop the rest."""
        self._pool.shutdown(cancel_futures=True)
