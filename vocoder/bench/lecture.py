"""The lecture's table of speed, measured: a WaveNet as it was published, ours, a distilled student, WaveGlow.

The figures that papers state (172 samples a second, over 500,000, two million) are of their own GPUs; here
all rows are one machine's. Published sizes have random weights: speed does not depend on them.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vocoder.bench.eager_loop import eager_samples
from vocoder.bench.speed import varied_mel
from vocoder.bench.teacher import draws_and_context, told_of
from vocoder.bench.timing import threads_of_torch
from vocoder.config import read_config
from vocoder.distributions import Mixture
from vocoder.errors import InputError
from vocoder.mel import mel_spec
from vocoder.models import MODELS, Teacher, Vocoder, WaveNetVocoder, uncorrected
from vocoder.models.autoregressive import AutoregressiveVocoder
from vocoder.networks.interpolation import interpolate_knots
from vocoder.noise import uniform_noise

NAIVE_SAMPLES, QUEUED_SAMPLES = 1, 128
PUBLISHED = {
    "wavenet": ("teacher/paper", "pwg-24k"),
    "parallel-wavenet": ("student/paper", "pwg-24k"),
    "waveglow": ("waveglow/universal", "nvidia"),
}
"""Sizes of the papers, below configs/model, and their mels."""


class Row(NamedTuple):
    """One way of making audio, one stream; rates are of wall seconds."""

    family: str  # "autoregressive", "distilled", "WaveGlow"
    what: str
    parameters: int
    samples_per_second: float  # median of the runs
    slowest: float
    fastest: float
    times_real_time: float


class Way(NamedTuple):
    """What makes a row: `work` makes `samples` samples."""

    family: str
    what: str
    voice: Vocoder
    work: Callable[[], Any]
    samples: int


def lecture_rows(voices: dict[str, Vocoder], configs: Path, *, seconds: float, runs: int) -> Iterator[Row]:
    """Every row on one thread; `voices`: those that ship, by family.

    Raises:
        InputError: a voice of another kind than its family has.
    """
    published = {kind: _published(configs, kind) for kind in PUBLISHED}
    with threads_of_torch(1), torch.inference_mode():
        for way in _ways(voices, published, seconds):
            yield _measured(way, runs)


def _ways(voices: dict[str, Vocoder], published: dict[str, Vocoder], seconds: float) -> Iterator[Way]:
    wavenet = published["wavenet"]
    assert isinstance(wavenet, WaveNetVocoder)
    size = f"{wavenet.num_parameters() / 1e6:.1f} M, published size, random weights"
    family = "autoregressive"
    yield Way(
        family,
        f"WaveNet ({size}), all it sees again for every sample",
        wavenet,
        lambda: naive(wavenet, NAIVE_SAMPLES),
        NAIVE_SAMPLES,
    )
    yield Way(
        family,
        f"WaveNet ({size}), torch, past inputs in queues",
        wavenet,
        lambda: queued(wavenet, QUEUED_SAMPLES),
        QUEUED_SAMPLES,
    )
    short = 8 / wavenet.mel_spec.frame_rate
    yield _synthesis(family, f"WaveNet ({size}), compiled", wavenet, short)
    if (voice := voices.get(family)) is not None:
        teacher = uncorrected(voice)
        if not isinstance(teacher, Teacher):
            raise InputError(f"the autoregressive voice must be a teacher, got a {teacher.kind}")
        told = draws_and_context(teacher, 2)
        yield Way(
            family,
            "teacher, all it sees again for every sample",
            teacher,
            lambda: naive(teacher, NAIVE_SAMPLES),
            NAIVE_SAMPLES,
        )
        yield Way(
            family,
            "teacher, torch, past inputs in queues",
            teacher,
            lambda: eager_samples(
                teacher.wavenet, teacher.output, *told, teacher.max_lag, teacher.config.density_floor
            ),
            told[0].shape[1],
        )
        yield _synthesis(family, "teacher, compiled: the voice that ships", voice, seconds)
    parallel, glow = published["parallel-wavenet"], published["waveglow"]
    yield _synthesis("distilled", _size(parallel), parallel, seconds / 3)
    if (student := voices.get("distilled")) is not None:
        yield _synthesis("distilled", "student: the voice that ships", student, seconds)
    yield _synthesis("WaveGlow", _size(glow), glow, seconds / 3)
    if (waveglow := voices.get("WaveGlow")) is not None:
        yield _synthesis("WaveGlow", "waveglow: the voice that ships", waveglow, seconds)


def _size(voice: Vocoder) -> str:
    return f"{voice.kind} ({voice.num_parameters() / 1e6:.1f} M, published size, random weights)"


def _published(configs: Path, kind: str) -> Vocoder:
    name, dialect = PUBLISHED[kind]
    path = configs / f"{name}.yaml"
    if not path.exists():
        raise InputError(f"no {path}: give the folder of model configurations with --configs")
    make, config = MODELS[kind]
    torch.manual_seed(0)
    voice = make(read_config(config, path), mel_spec(dialect))
    return voice.eval().requires_grad_(False)


def _synthesis(family: str, what: str, voice: Vocoder, seconds: float) -> Way:
    mel = varied_mel(voice, 1, seconds)[0]
    samples = voice.mel_spec.num_samples(mel.shape[-1])
    return Way(family, what, voice, lambda: voice.synthesize(mel), samples)


def naive(voice: AutoregressiveVocoder, count: int) -> Tensor:
    """Samples one by one, each from a pass over all that it depends on."""
    frames = -(-voice.receptive_field // voice.mel_spec.hop_length)
    context = told_of(voice, frames)
    residual = torch.zeros(1, voice.mel_spec.num_samples(frames))
    for _ in range(count):
        residual = residual.roll(-1, dims=1)  # the last place, which no prediction sees, is the next sample's
        density = voice.output.density(voice.predict(residual, context)[..., -1:])
        residual[:, -1:] = _drawn(density)
    return residual[:, -count:]


def queued(voice: WaveNetVocoder, count: int) -> Tensor:
    """Samples one by one through the network's own modules, whose past inputs wait in queues."""
    network, told = voice.wavenet, told_of(voice, -(-count // voice.mel_spec.hop_length))
    if network.context_step > 1:
        told = interpolate_knots(told, network.context_step, offset=0.5)
    samples = [torch.zeros(1, 1)]
    state = network.initial_state(voice.encode(samples[0]))
    for t in range(count):
        parameters, state = network.stream(voice.encode(samples[-1]), told[:, :, t], state)
        samples.append(_drawn(voice.output.density(parameters)))
    return torch.cat(samples[1:], dim=1)


def _drawn(density: Any) -> Tensor:
    uniform = uniform_noise([0], 0, 1)
    noise = torch.logit(uniform).float()
    return density.from_noise(*((uniform, noise) if isinstance(density, Mixture) else (noise,))).clamp(-1, 1)


def _measured(way: Way, runs: int) -> Row:
    way.work()
    rates = []
    for _ in range(runs):
        begun = time.perf_counter()
        way.work()
        rates.append(way.samples / (time.perf_counter() - begun))
    median = statistics.median(rates)
    return Row(
        way.family,
        way.what,
        way.voice.num_parameters(),
        median,
        min(rates),
        max(rates),
        median / way.voice.sample_rate,
    )
