"""Many listeners at once on one server."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from server.load.listening import Listener, converse, listen
from vocoder.client import AsyncClient
from vocoder.mel import MelSpec, silence

Transport = Literal["http", "ws", "ws-steady"]
TRANSPORTS: tuple[Transport, ...] = get_args(Transport)
# A listener of frames that come in real time begins this late, or the slightest delay would be a silence.
HEAD_STARTS = {"http": 0.0, "ws": 0.1, "ws-steady": 0.1}


class Load(NamedTuple):
    """One number of streams, measured; times in milliseconds."""

    transport: str
    streams: int
    utterances: int
    first_p50: float
    first_p95: float
    gap_p95: float
    underruns: int
    silent_ms: float
    needs_ms: float  # the least head start with which no listener would have had a silence
    times_real_time: float  # audio of all streams a second


def measure_streams(
    url: str,
    voice: str,
    spec: MelSpec,
    counts: Sequence[int],
    *,
    transport: Transport,
    seconds: float,
    rounds: int,
) -> Iterator[Load]:
    """For each count, as many listeners at once, `rounds` times; each begins at a moment of its own."""
    for count in counts:
        yield asyncio.run(_measure(url, voice, spec, count, transport, seconds, rounds))


async def _measure(
    url: str, voice: str, spec: MelSpec, count: int, transport: Transport, seconds: float, rounds: int
) -> Load:
    mels = [varied(spec, seconds, seed) for seed in range(count)]
    async with AsyncClient(url) as client:
        await _one(client, voice, spec, mels[0], transport, 0, 0.0)  # connections, caches
        began = time.perf_counter()
        heard = [
            listener
            for _ in range(rounds)
            for listener in await asyncio.gather(
                *(
                    _one(client, voice, spec, mel, transport, seed, _stagger(seed, count))
                    for seed, mel in enumerate(mels)
                )
            )
        ]
        wall = time.perf_counter() - began
    return _summary(transport, count, heard, wall)


async def _one(
    client: AsyncClient,
    voice: str,
    spec: MelSpec,
    mel: Tensor,
    transport: Transport,
    seed: int,
    delay: float,
) -> Listener:
    await asyncio.sleep(delay)
    if transport == "http":
        return await listen(client, mel, spec.sample_rate, seed=seed, voice=voice)
    steady = transport == "ws-steady"
    return await converse(client, mel, 1 / spec.frame_rate, seed=seed, voice=voice, steady=steady)


def _stagger(index: int, count: int) -> float:
    """Seconds: the listeners begin over a quarter of a second."""
    return 0.25 * index / count


def varied(spec: MelSpec, seconds: float, seed: int) -> Float[Tensor, "mel frame"]:
    frames = max(1, round(seconds * spec.frame_rate))
    generator = torch.Generator().manual_seed(seed)
    floor = silence(spec)
    return floor + 0.5 * floor.abs() * torch.rand(spec.num_mels, frames, generator=generator)


def _summary(transport: Transport, count: int, heard: list[Listener], wall: float) -> Load:
    first = 1000 * np.array([listener.first for listener in heard])
    gaps = 1000 * np.array([gap for listener in heard for gap in listener.gaps] or [0.0])
    silences = [gap for listener in heard for gap in listener.silences(HEAD_STARTS[transport])]
    return Load(
        transport=transport,
        streams=count,
        utterances=len(heard),
        first_p50=float(np.percentile(first, 50)),
        first_p95=float(np.percentile(first, 95)),
        gap_p95=float(np.percentile(gaps, 95)),
        underruns=len(silences),
        silent_ms=1000 * sum(silences),
        needs_ms=1000 * max(listener.needs for listener in heard),
        times_real_time=sum(sum(listener.audio) for listener in heard) / wall,
    )
