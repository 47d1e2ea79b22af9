"""Speed of a voice in one setting: samples a second, first audio, memory, share of the machine's peak."""

from functools import partial
from typing import Any, NamedTuple

import torch

from vocoder.bench.energy import energy_meter
from vocoder.bench.memory import peak_bytes
from vocoder.bench.peaks import Peaks
from vocoder.bench.timing import (
    WARM_UP,
    Spread,
    precision_of,
    spread,
    threads_of_torch,
    time_runs,
)
from vocoder.errors import InputError
from vocoder.inference.streaming import FIRST_FRAMES
from vocoder.mel import silence
from vocoder.models import Vocoder


class Setting(NamedTuple):
    """One point of the grid, but for the voice and the device."""

    threads: int = 1
    precision: str = "float32"
    batch: int = 1
    seconds: float = 6.0  # of audio, each utterance


class Speed(NamedTuple):
    """A voice measured in one setting; spreads are over the runs."""

    setting: Setting
    runs: int
    samples_per_second: Spread  # of all utterances together
    times_real_time: float  # by the median
    first_block_ms: Spread  # work of a stream until its first audio
    peak_bytes: int | None  # held by one call beyond what was held before
    macs_per_audio_second: float | None
    share_of_peak: float | None  # of the multiply-accumulates of a large product of matrices
    joules_per_audio_second: float | None


def measure_speed(
    voice: Vocoder,
    setting: Setting,
    *,
    runs: int = 10,
    macs: float | None = None,
    peaks: Peaks | None = None,
) -> Speed:
    """Time `synthesize` on a mel of speech-like variety.

    Args:
        macs: of a second of audio, where they were counted.
        peaks: of the machine, with these threads and this precision.

    Raises:
        InputError: sizes below one.
        ConfigError: a precision that the device does not have.
    """
    if min(setting.threads, setting.batch, runs) < 1 or setting.seconds <= 0:
        raise InputError(f"threads, batch, runs and seconds must be positive, got {setting} and {runs} runs")
    mel = varied_mel(voice, setting.batch, setting.seconds)
    samples = setting.batch * voice.mel_spec.num_samples(mel.shape[-1])
    audio_seconds = samples / voice.sample_rate
    speak = partial(voice.synthesize, mel, seed=list(range(setting.batch)))
    begin = partial(_first_block, voice, mel[0, :, : voice.lookahead_frames + FIRST_FRAMES])
    meter = energy_meter(voice.device)
    with threads_of_torch(setting.threads), precision_of(setting.precision, voice.device):
        speak()  # what is made once and kept
        held = peak_bytes(speak, voice.device)
        joules = meter() if meter else 0.0
        times = time_runs(speak, runs, voice.device)
        joules = (meter() if meter else 0.0) - joules
        first = time_runs(begin, runs, voice.device)
    rate = spread([samples / t for t in times])
    achieved = None if macs is None else macs * rate.p50 / voice.sample_rate
    return Speed(
        setting=setting,
        runs=runs,
        samples_per_second=rate,
        times_real_time=rate.p50 / voice.sample_rate,
        first_block_ms=spread([1000 * t for t in first]),
        peak_bytes=held,
        macs_per_audio_second=macs,
        share_of_peak=None if achieved is None or peaks is None else achieved / peaks.macs_per_second,
        joules_per_audio_second=joules / ((runs + WARM_UP) * audio_seconds) if meter else None,
    )


def varied_mel(voice: Vocoder, batch: int, seconds: float) -> torch.Tensor:
    """Random frames between silence and half-way to full scale: no operation meets degenerate values."""
    frames = max(1, round(seconds * voice.mel_spec.frame_rate))
    generator = torch.Generator().manual_seed(0)
    floor = silence(voice.mel_spec)
    spread = 0.5 * floor.abs() * torch.rand(batch, voice.mel_spec.num_mels, frames, generator=generator)
    return (floor + spread).to(voice.device)


def _first_block(voice: Vocoder, mel: torch.Tensor) -> Any:
    return voice.open_stream().push(mel)
