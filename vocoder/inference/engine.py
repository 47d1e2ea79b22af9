"""The engine: voices, a bounded number of streams, the threads on which they take turns, block by block."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, SupportsIndex, TypeVar

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from vocoder.checkpoints import DEFAULT_VOICE
from vocoder.config import Config
from vocoder.device import round_products
from vocoder.inference.graphs import Graphs
from vocoder.inference.places import Places
from vocoder.inference.scheduler import Scheduler
from vocoder.inference.speech import Speech
from vocoder.inference.voices import Voices
from vocoder.models import Vocoder

T = TypeVar("T")
Precision = Literal["float32", "tf32", "bfloat16", "float16"]


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class EngineConfig(Config):
    """One thread a batch: they are too small to share."""

    device: str = Field(default="cpu", description="a torch device: cpu, cuda, cuda:1")
    precision: Precision = Field(default="float32", description="of matrix products; the others are for GPUs")
    default_voice: str = Field(default=DEFAULT_VOICE, description="for requests that name none")
    workers: int = Field(default_factory=usable_cores, ge=1, description="batches of blocks computed at once")
    threads_per_worker: int = Field(default=1, ge=1, description="torch threads of each")
    max_batch: int = Field(default=16, ge=1, description="streams in a batch")
    max_batch_frames: int = Field(default=128, ge=1, description="frames in a batch, of all its streams")
    batch_wait: float = Field(
        default=0.0, ge=0, le=1, description="seconds that a block waits for others while a worker is idle"
    )
    lone_frames: int = Field(
        default=16,
        ge=0,
        description="on a CPU batches of at most so many frames are made one at a time, and longer ones are "
        "parted among the workers that are free",
    )
    graphs: bool = Field(
        default=True, description="on a GPU, blocks of a shape that comes again are replayed as CUDA graphs"
    )
    max_streams: int = Field(default=8, ge=1, description="utterances under way at once")
    max_queue: int = Field(default=32, ge=0, description="requests beyond them: being read, or waiting")
    patience: float = Field(default=0.5, ge=0, description="seconds a request waits for one of them to end")


class Engine:
    """Runs work for an event loop without blocking it. Whatever belongs to one stream is in that stream."""

    def __init__(self, config: EngineConfig | None = None) -> None:
        self.config = config or EngineConfig()
        self.voices = Voices(device=self.config.device, default=self.config.default_voice)
        self.places = Places(self.config.max_streams, self.config.max_queue, self.config.patience)
        on_gpu = torch.device(self.config.device).type == "cuda"
        if on_gpu:
            round_products(tf32=self.config.precision == "tf32")
        self.scheduler = Scheduler(
            self.config.workers,
            setup=self._set_threads,
            max_batch=self.config.max_batch,
            max_frames=self.config.max_batch_frames,
            gather_seconds=self.config.batch_wait,
            lone_frames=0 if on_gpu else self.config.lone_frames,
            precision=getattr(torch, self.config.precision, torch.float32),
            graphs=Graphs() if on_gpu and self.config.graphs else None,
        )
        self._errands, self._labours, self._scores = (
            ThreadPoolExecutor(self.config.workers, thread_name_prefix=name, initializer=self._set_threads)
            for name in ("errand", "labour", "score")
        )

    @property
    def active_streams(self) -> int:
        return self.places.taken

    def admit(self) -> AbstractAsyncContextManager[None]:
        """Hold one of the `max_streams` places; raises `Busy` when none becomes free within `patience`."""
        return self.places.take()

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """The result of `function(*args)`, some milliseconds beside the event loop and beside the streams."""
        return await asyncio.wrap_future(self._errands.submit(function, *args))

    async def run_long(self, function: Callable[..., T], *args: Any) -> T:
        """As `run`, for what may take longer: it keeps nothing else waiting."""
        return await asyncio.wrap_future(self._labours.submit(function, *args))

    async def run_score(self, function: Callable[..., T], *args: Any) -> T:
        """As `run_long`, for the bits of samples, which take many times as long as the samples do."""
        return await asyncio.wrap_future(self._scores.submit(function, *args))

    async def voice(self, name: str | None) -> tuple[str, Vocoder]:
        """The voice of that name, or the default, and its name; one that must be loaded keeps none waiting.

        Raises:
            UnknownVoice: there is none of that name, or none at all.
            CheckpointError: its file cannot be used.
        """
        if name is None:
            name = await self.run(self.voices.default)
        ready = await self.run(self.voices.ready, name)
        return name, ready if ready is not None else await self.run_long(self.voices.get, name)

    def speech(
        self,
        voice: Vocoder,
        *,
        seed: SupportsIndex = 0,
        temperature: float | None = None,
        then: Callable[[Float[Tensor, "sample"]], T],
    ) -> Speech[T]:
        """An utterance of `voice`; raises `InputError` for a bad seed or temperature."""
        return Speech(self.scheduler, voice, seed=seed, temperature=temperature, then=then)

    def close(self) -> None:
        """Let the blocks under way finish, drop the rest."""
        self.scheduler.close()
        for pool in (self._errands, self._labours, self._scores):
            pool.shutdown(cancel_futures=True)

    def _set_threads(self) -> None:
        torch.set_num_threads(self.config.threads_per_worker)
