"""Sampling of a teacher: compiled, by cores and streams, beside loops of torch operations.

Rates are of wall seconds and of CPU seconds; the second does not suffer from other work on the machine.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vocoder.bench.eager_loop import eager_samples
from vocoder.bench.speed import varied_mel
from vocoder.bench.timing import threads_of_torch
from vocoder.models import Teacher
from vocoder.models.autoregressive import AutoregressiveVocoder
from vocoder.models.frames import extend_frames
from vocoder.networks.tiered_graph import TieredGraphSampler
from vocoder.noise import uniform_noise


class Rate(NamedTuple):
    """Medians over the runs, of all streams together."""

    samples_per_second: float
    samples_per_cpu_second: float


class SynthesisRate(NamedTuple):
    """The whole way from a mel to audio."""

    cores: int
    streams: int
    samples_per_second: float
    samples_per_cpu_second: float
    times_real_time: float


class LoopRates(NamedTuple):
    """The sequential direction of the network alone, one stream on one core, measured in turns.

    compiled: the sampler that voices use. eager: the network's own modules, one sample after the other, past
    inputs in queues. stepped: torch operations arranged for a CUDA graph, run one by one.
    """

    compiled: Rate
    eager: Rate
    stepped: Rate

    @property
    def ratios(self) -> dict[str, float]:
        """How many times as fast the compiled loop is, by CPU seconds."""
        own = self.compiled.samples_per_cpu_second
        return {
            "compiled_to_eager": own / self.eager.samples_per_cpu_second,
            "compiled_to_stepped": own / self.stepped.samples_per_cpu_second,
        }


def synthesis_rates(
    voice: Teacher, cores: Sequence[int], streams: Sequence[int], *, seconds: float, runs: int
) -> Iterator[SynthesisRate]:
    """`synthesize` for every number of cores and of streams."""
    for count in cores:
        with threads_of_torch(count):
            for batch in streams:
                mel = varied_mel(voice, batch, seconds)
                speak = partial(voice.synthesize, mel, seed=list(range(batch)))
                samples = batch * voice.mel_spec.num_samples(mel.shape[-1])
                (rate,) = _rates([speak], [samples], runs)
                yield SynthesisRate(count, batch, *rate, rate.samples_per_second / voice.sample_rate)


@torch.inference_mode()
def loop_rates(voice: Teacher, *, frames: int = 4, runs: int) -> LoopRates:
    """The loops in turns, from silence; the slow ones speak `frames`, the compiled one 16 times as many."""
    sampler = voice.make_sampler()
    floor = voice.config.density_floor
    stepped = TieredGraphSampler(
        voice.wavenet, max_lag=voice.max_lag, output=voice.output, density_floor=floor
    )
    short, long = draws_and_context(voice, frames), draws_and_context(voice, 16 * frames)
    work: list[Callable[[], Any]] = [
        lambda: sampler.sample(*long, sampler.start(1)),
        lambda: eager_samples(voice.wavenet, voice.output, *short, voice.max_lag, floor),
        lambda: stepped.sample(*short, stepped.start(1)),
    ]
    with threads_of_torch(1):
        return LoopRates(*_rates(work, [long[0].shape[1], *[short[0].shape[1]] * 2], runs))


def first_audio(voice: Teacher, *, runs: int) -> dict[str, float]:
    """A stream that gets one frame at a time: with which its first audio comes, and the work that takes."""
    mel = varied_mel(voice, 1, 1.0)[0]
    with threads_of_torch(1):
        times = [_first_audio(voice, mel) for _ in range(runs + 1)][1:]
    return {
        "frames": float(times[0][0]),
        "audio_ms_waited_for": 1000 * times[0][0] / voice.mel_spec.frame_rate,
        "work_ms": 1000 * statistics.median(seconds for _, seconds in times),
    }


def _first_audio(voice: Teacher, mel: Tensor) -> tuple[int, float]:
    """Frames that were needed, and seconds from the last of them to audio."""
    stream = voice.open_stream()
    for frame in range(mel.shape[1]):
        begun = time.perf_counter()
        if len(stream.push(mel[:, frame : frame + 1])):
            return frame + 1, time.perf_counter() - begun
    raise AssertionError("a stream that never speaks")


def draws_and_context(voice: Teacher, frames: int) -> tuple[Tensor, Tensor, Any]:
    """Noise, uniform draws and context of some frames."""
    samples = voice.mel_spec.num_samples(frames)
    uniform = uniform_noise([0], 0, samples)
    noise = 0.7 * torch.logit(uniform).float()
    return noise, uniform_noise([0], 0, samples, lane=1), told_of(voice, frames)


def told_of(voice: AutoregressiveVocoder, frames: int) -> Any:
    """The context of some frames, as `voice.predict` takes it."""
    mel = varied_mel(voice, 1, frames / voice.mel_spec.frame_rate)
    around = {"left": voice.left_context, "right": voice.lookahead_frames}
    return voice.conditions(extend_frames(mel[..., :0], mel, last=True, **around)).context


def _rates(work: Sequence[Callable[[], Any]], samples: Sequence[int], runs: int) -> list[Rate]:
    """Each once to warm up, then all in turns."""
    for item in work:
        item()
    spent: list[list[tuple[float, float]]] = [[] for _ in work]
    for _ in range(runs):
        for item, times in zip(work, spent, strict=True):
            wall, cpu = time.perf_counter(), time.process_time()
            item()
            times.append((time.perf_counter() - wall, time.process_time() - cpu))
    return [
        Rate(*(count / statistics.median(column) for column in zip(*times, strict=True)))
        for count, times in zip(samples, spent, strict=True)
    ]
