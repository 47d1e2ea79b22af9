"""A benchmark as a job: the grid of `vocoder bench`, its rows as metrics, its document as the result.

One that was cut off begins again: two halves of two hours are not one run.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import field_validator, model_validator

from vocoder.bench.grid import GridConfig, run_grid
from vocoder.checkpoints import voice_paths
from vocoder.checkpoints.format import write_atomically

RECIPE, RESULT = "bench", "result.json"
MAX_POINTS = 200


class Benchmark(GridConfig):
    """The grid over installed voices: a job reads no files of its submitter's choice."""

    @field_validator("voices")
    @classmethod
    def _installed(cls, names: list[str]) -> list[str]:
        known = voice_paths()
        if unknown := [name for name in names if name not in known]:
            raise ValueError(
                f"no voice {unknown[0]!r} is installed; choose from {', '.join(known) or 'none'}"
            )
        return names

    @model_validator(mode="after")
    def _bounded(self) -> "Benchmark":
        if not 1 <= self.steps <= MAX_POINTS:
            raise ValueError(
                f"{self.steps} measurements were asked for, expected 1 to {MAX_POINTS}: name fewer voices, "
                "threads, precisions, batches, lengths or streams"
            )
        return self


def run_benchmark(
    config: Benchmark, folder: Path, *, progress: bool = False, max_minutes: float | None = None
) -> dict[str, Any]:
    """Measure into `folder`: `metrics.jsonl` line by line, then `result.json`, whole or not at all.

    `progress` and `max_minutes` are those of every recipe: a benchmark shows nothing, and is never cut short.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metrics.jsonl").open("w") as metrics:
        step = 0

        def note(row: dict[str, Any]) -> None:
            nonlocal step
            step += 1
            line = {"step": step, "times_real_time": row["times_real_time"]}
            print(f"{row['voice']}: {row['times_real_time']:.1f} × real time", flush=True)
            metrics.write(json.dumps(line) + "\n")
            metrics.flush()

        document = run_grid(config, note)
    write_atomically(folder / RESULT, json.dumps(document).encode())
    return document


def result_of(run: Path) -> dict[str, Any] | None:
    """The document of a benchmark that has ended well; None before that."""
    try:
        found: dict[str, Any] = json.loads((run / RESULT).read_text())
    except FileNotFoundError:
        return None
    return found
