"""Samples per second of a voice: warmed up, repeated, the median with its spread."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch

from vocoder.errors import InputError
from vocoder.mel import silence
from vocoder.models import Vocoder


class Speed(NamedTuple):
    """One setting measured; times are wall seconds of `runs` repetitions."""

    threads: int
    batch: int
    seconds: float  # of audio a mel
    runs: int
    samples_per_second: float  # by the median
    times_real_time: float
    slowest: float  # samples per second of the slowest run, and of the fastest
    fastest: float
    first_block_ms: float  # median time from 16 frames in to the first audio out of a stream


def measure_speed(
    voice: Vocoder, *, threads: int, batch: int = 1, seconds: float = 6.0, runs: int = 10
) -> Speed:
    """Time `synthesize` on a mel of speech-like variety; raises `InputError` for sizes below one.

    The clock stops when the audio is there: on a GPU the device is waited for.
    """
    if min(threads, batch, runs) < 1 or seconds <= 0:
        raise InputError(
            f"threads, batch, runs and seconds must be positive: {threads}, {batch}, {runs}, {seconds}"
        )
    mel = varied_mel(voice, batch, seconds)
    with threads_of_torch(threads):
        times = [_timed(voice, mel) for _ in range(runs + 2)][2:]
        first = [_first_block(voice, mel[0]) for _ in range(runs + 2)][2:]
    samples = batch * voice.mel_spec.num_samples(mel.shape[-1])
    rates = sorted(samples / t for t in times)
    median = statistics.median(rates)
    return Speed(
        threads=threads,
        batch=batch,
        seconds=samples / batch / voice.sample_rate,
        runs=runs,
        samples_per_second=median,
        times_real_time=median / voice.sample_rate,
        slowest=rates[0],
        fastest=rates[-1],
        first_block_ms=1000 * statistics.median(first),
    )


def varied_mel(voice: Vocoder, batch: int, seconds: float) -> torch.Tensor:
    """Random frames between silence and half-way to full scale: no operation meets degenerate values."""
    frames = max(1, round(seconds * voice.mel_spec.frame_rate))
    generator = torch.Generator().manual_seed(0)
    floor = silence(voice.mel_spec)
    spread = 0.5 * floor.abs() * torch.rand(batch, voice.mel_spec.num_mels, frames, generator=generator)
    return (floor + spread).to(voice.device)


def _timed(voice: Vocoder, mel: torch.Tensor) -> float:
    _wait(voice)
    begun = time.perf_counter()
    voice.synthesize(mel, seed=list(range(len(mel))))
    _wait(voice)
    return time.perf_counter() - begun


def _first_block(voice: Vocoder, mel: torch.Tensor, frames: int = 16) -> float:
    begun = time.perf_counter()
    voice.open_stream().push(mel[:, :frames])
    _wait(voice)
    return time.perf_counter() - begun


def _wait(voice: Vocoder) -> None:
    if voice.device.type == "cuda":
        torch.cuda.synchronize(voice.device)


@contextmanager
def threads_of_torch(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
