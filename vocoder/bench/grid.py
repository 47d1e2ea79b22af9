"""The benchmark: voices by threads, precision, batch and length; streams at once; all in one document."""

import os
from collections.abc import Callable, Iterator
from itertools import product
from typing import Annotated, Any

import torch
from pydantic import Field

from vocoder.bench.latency import measure_latency
from vocoder.bench.operations import voice_macs
from vocoder.bench.peaks import Peaks, measure_peaks
from vocoder.bench.speed import Setting, measure_speed, varied_mel
from vocoder.bench.stamp import plain, stamp
from vocoder.bench.timing import check_precision
from vocoder.checkpoints import load, voice_path, voice_paths
from vocoder.config import Config
from vocoder.device import usable_device

COUNTED_SECONDS = 1.0
Count = Annotated[int, Field(ge=1, le=256)]
Seconds = Annotated[float, Field(gt=0, le=600)]


class GridConfig(Config):
    """What is measured. Every combination of threads, precision, batch and seconds is a point."""

    voices: list[str] = Field(default=[], max_length=16, description="names; without any, all installed")
    device: str = Field(default="cpu", description="a torch device")
    threads: list[Count] = Field(default=[], max_length=16, description="without any, 1 and all cores")
    precision: list[str] = Field(
        default=["float32"],
        min_length=1,
        max_length=16,
        description="float32, bfloat16; on a GPU tf32 and float16 too",
    )
    batch: list[Count] = Field(default=[1], min_length=1, max_length=16, description="utterances at once")
    seconds: list[Seconds] = Field(
        default=[6.0], min_length=1, max_length=16, description="of audio, each utterance"
    )
    streams: list[Count] = Field(default=[1, 4], max_length=16, description="at once, through the engine")
    rounds: int = Field(default=3, ge=1, le=100, description="utterances of each stream")
    runs: int = Field(default=10, ge=1, le=1000, description="of each point, after two that do not count")

    def settings(self) -> list[Setting]:
        """The points, but for the voices; a GPU is driven by one thread."""
        threads = self.threads or ([1] if self.device != "cpu" else sorted({1, os.cpu_count() or 1}))
        return [Setting(*point) for point in product(threads, self.precision, self.batch, self.seconds)]

    def names(self) -> list[str]:
        return self.voices or list(voice_paths())

    @property
    def steps(self) -> int:
        """Measurements, one a point and one a number of streams in each precision."""
        return len(self.names()) * (len(self.settings()) + len(self.streams) * len(self.precision))


def run_grid(config: GridConfig, advance: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Measure everything; each row is also given to `advance` as soon as it is there.

    Raises:
        ConfigError: a device or a precision that is not there.
        UnknownVoice: a voice that is not installed.
        InputError: a size below one.
    """
    device = usable_device(config.device)
    for name in config.precision:
        check_precision(name, device)
    for name in config.names():
        voice_path(name)
    peaks = {
        (threads, precision): measure_peaks(device, threads=threads, precision=precision)
        for threads, precision in dict.fromkeys((s.threads, s.precision) for s in config.settings())
    }
    document = stamp(device) | {
        "config": config.model_dump(),
        "peaks": [peak._asdict() for peak in peaks.values()],
        "macs": {},
        "rows": [],
        "streams": [],
    }
    for name in config.names():
        counts = _counts(name)
        document["macs"][name] = counts
        for kind, row in _measure(name, config, device, peaks, sum(counts.values())):
            document[kind].append(row)
            advance(row)
    return document


def _counts(name: str) -> dict[str, float]:
    """By operation, a second of audio; counted on the CPU, whatever the device."""
    voice = load(name)
    return voice_macs(voice, varied_mel(voice, 1, COUNTED_SECONDS))


def _measure(
    name: str,
    config: GridConfig,
    device: torch.device,
    peaks: dict[tuple[int, str], Peaks],
    macs: float,
) -> Iterator[tuple[str, dict[str, Any]]]:
    voice = load(name, device=device)
    for setting in config.settings():
        peak = peaks[setting.threads, setting.precision]
        yield (
            "rows",
            {"voice": name} | _flat(measure_speed(voice, setting, runs=config.runs, macs=macs, peaks=peak)),
        )
    for count, precision in product(config.streams, config.precision):
        yield (
            "streams",
            {"voice": name}
            | _flat(
                measure_latency(
                    voice, count, seconds=config.seconds[0], rounds=config.rounds, precision=precision
                )
            ),
        )


def _flat(row: Any) -> dict[str, Any]:
    """A row as JSON has it, the fields of its setting among its own."""
    found: dict[str, Any] = plain(row)
    return found.pop("setting", {}) | found
