"""Many streams of one voice at once, through the engine that serves: first audio, and chunk after chunk."""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

from vocoder.bench.speed import varied_mel
from vocoder.bench.timing import Spread, check_precision, spread
from vocoder.inference.engine import Engine, EngineConfig
from vocoder.models import Vocoder


class Latency(NamedTuple):
    """One number of streams; times in milliseconds, over all utterances."""

    streams: int
    workers: int  # threads that make batches
    precision: str
    utterances: int
    seconds: float  # of audio, each utterance
    first_ms: Spread  # from the request to the first audio
    chunk_ms: Spread | None  # from one chunk to the next, taken as soon as it is there; None of one chunk
    times_real_time: float  # of all streams together


class Heard(NamedTuple):
    """An utterance as it came: seconds since it was asked for, samples of each chunk."""

    arrivals: list[float]
    samples: list[int]


def measure_latency(
    voice: Vocoder, streams: int, *, seconds: float, rounds: int, precision: str = "float32"
) -> Latency:
    """As many utterances at once, `rounds` times after one that does not count, all begun together."""
    device = voice.device
    config = EngineConfig(device=str(device), precision=check_precision(precision, device))
    mels = [varied_mel(voice, 1, seconds)[0].cpu() for _ in range(streams)]
    engine = Engine(config)
    try:
        speak_together(engine, voice, mels)
        began = time.perf_counter()
        heard = [one for _ in range(rounds) for one in speak_together(engine, voice, mels)]
        wall = time.perf_counter() - began
    finally:
        engine.close()
    gaps = [1000 * gap for one in heard for gap in np.diff(one.arrivals)]
    total = sum(sum(one.samples) for one in heard)
    return Latency(
        streams=streams,
        workers=config.workers,
        precision=precision,
        utterances=len(heard),
        seconds=seconds,
        first_ms=spread([1000 * one.arrivals[0] for one in heard]),
        chunk_ms=spread(gaps) if gaps else None,
        times_real_time=total / voice.sample_rate / wall,
    )


def speak_together(engine: Engine, voice: Vocoder, mels: Sequence[Tensor]) -> list[Heard]:
    """One stream a mel, at once; each with a seed of its own."""

    async def all_of_them() -> list[Heard]:
        return await asyncio.gather(*(_listen(engine, voice, mel, seed) for seed, mel in enumerate(mels)))

    return asyncio.run(all_of_them())


async def _listen(engine: Engine, voice: Vocoder, mel: Tensor, seed: int) -> Heard:
    began, heard = time.perf_counter(), Heard([], [])
    speech = engine.speech(voice, seed=seed, then=lambda audio: audio.numel())
    async for count in speech.speak(mel):
        if count:
            heard.arrivals.append(time.perf_counter() - began)
            heard.samples.append(count)
    return heard
