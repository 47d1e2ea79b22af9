"""Listeners: each plays its audio in real time from the first on, and notices when there is none left."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from torch import Tensor

from vocoder.client import AsyncClient, Conversation

# Frames that an acoustic model gives at once.
PUSHED_FRAMES = 8


@dataclass
class Listener:
    """Times are seconds since the request, or since the first frames; audio is in seconds."""

    began: float = field(default_factory=time.perf_counter)
    arrivals: list[float] = field(default_factory=list)
    audio: list[float] = field(default_factory=list)

    def hear(self, seconds: float) -> None:
        if seconds:
            self.arrivals.append(time.perf_counter() - self.began)
            self.audio.append(seconds)

    @property
    def first(self) -> float:
        return self.arrivals[0]

    @property
    def gaps(self) -> list[float]:
        return list(np.diff(self.arrivals))

    @property
    def needs(self) -> float:
        """How long after the first audio the listener would have had to begin to hear no silence."""
        before = np.cumsum([0.0, *self.audio[:-1]])
        return float(max(np.array(self.arrivals) - self.first - before))

    def silences(self, head_start: float = 0.0) -> list[float]:
        """How long nothing was left to play, each time, `head_start` seconds after the first audio came."""
        silences, played_until = [], self.first + head_start
        for arrival, seconds in zip(self.arrivals, self.audio, strict=True):
            if arrival > played_until:
                silences.append(arrival - played_until)
                played_until = arrival
            played_until += seconds
        return silences


async def listen(
    client: AsyncClient, mel: Float[Tensor, "mel frame"], rate: int, *, seed: int, voice: str
) -> Listener:
    """POST a whole mel and hear its audio."""
    listener = Listener()
    async for samples in client.stream(mel, seed=seed, voice=voice):
        listener.hear(samples.numel() / rate)
    return listener


async def converse(
    client: AsyncClient,
    mel: Float[Tensor, "mel frame"],
    frame_seconds: float,
    *,
    seed: int,
    voice: str,
    steady: bool,
) -> Listener:
    """Push frames in real time over WebSocket, as an acoustic model does, and hear their audio."""
    async with client.converse(seed=seed, voice=voice, steady=steady) as conversation:
        listener = Listener()
        pushing = asyncio.create_task(_push(conversation, mel, frame_seconds))
        async for samples in conversation.listen():
            listener.hear(samples.numel() / conversation.voice["sample_rate"])
        await pushing
    return listener


async def _push(conversation: Conversation, mel: Tensor, frame_seconds: float) -> None:
    async for frames in _in_real_time(mel, frame_seconds):
        await conversation.push(frames)
    await conversation.finish()


async def _in_real_time(mel: Tensor, frame_seconds: float) -> AsyncIterator[Tensor]:
    began = time.perf_counter()
    for position in range(0, mel.shape[1], PUSHED_FRAMES):
        await asyncio.sleep(began + position * frame_seconds - time.perf_counter())
        yield mel[:, position : position + PUSHED_FRAMES]
