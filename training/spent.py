"""What training a voice took, the runs that gave it its first weights included."""

from collections.abc import Mapping
from typing import Any, NamedTuple

SOURCES = ("began_with", "source_from", "pitch_from")
"""Of a record: the voices whose weights the run began with."""


class Spent(NamedTuple):
    """Seconds of the first process on CPUs, and of whole GPUs, which other runs may have shared."""

    cpu_seconds: float
    gpu_seconds: float

    @classmethod
    def of(cls, run: Mapping[str, Any]) -> "Spent":
        """Of one run, by its record."""
        return cls(float(run.get("cpu_seconds") or 0), float(run.get("gpu_seconds") or 0))

    @property
    def cpu_hours(self) -> float:
        return self.cpu_seconds / 3600

    @property
    def gpu_minutes(self) -> float:
        return self.gpu_seconds / 60


def spent(training: Mapping[str, Any]) -> Spent:
    """In all, by a voice's record."""
    named = {key: run for key in SOURCES if (run := training.get(key))}
    before = {run.get("sha256", key): run for key, run in named.items()}  # a voice counts once
    runs = [Spent.of(run) for run in (training, *before.values())]
    return Spent(sum(run.cpu_seconds for run in runs), sum(run.gpu_seconds for run in runs))
