"""The page of the gallery: tables and small pictures, written by the command that trained the flows."""

import io
import json
import os
import platform
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import torch

from training.density.plane import PLANE_SETS
from training.density.recipe import DensityResult
from training.density.zoo import PLANE
from vocoder.bench.directions import BATCH, HIDDEN, DirectionTimes

COLOURS = 48
"""Of the published pictures, so that they stay small."""


def write_page(
    results: Sequence[DensityResult], runs: Path, folder: Path, *, command: str, seconds: float, jobs: int
) -> Path:
    """Tables and pictures of `results`, whose runs lie in `runs`, as `folder`/README.md."""
    folder.mkdir(parents=True, exist_ok=True)
    for result in results:
        picture = runs / result.config.name / "picture.png"
        (folder / f"{result.config.name}.png").write_bytes(_small_png(picture))
    plane = [result for result in results if result.config.data in PLANE_SETS]
    digits = sorted((r for r in results if r.bits_per_dim is not None), key=lambda r: -(r.bits_per_dim or 0))
    lines = [
        "# Gallery of flows",
        "",
        f"Written by `{command}` on {date.today().isoformat()}, {describe_machine()}: {len(results)} runs,",
        f"{jobs} at a time, one thread each, in {seconds / 60:.0f} minutes.",
        "CPU-seconds are those of the training steps. All figures are of held-out data.",
        "",
        *(_plane_table(plane) if plane else []),
        *(_digits_table(digits) if digits else []),
        "## Pictures",
        "",
        *(f"![{r.config.name}]({r.config.name}.png)\n" for r in [*plane, *digits]),
    ]
    page = folder / "README.md"
    page.write_text("\n".join(lines))
    return page


def write_directions(times: Sequence[DirectionTimes], folder: Path, *, command: str) -> Path:
    """The lecture's table of directions, measured, as `folder`/directions.md and .json."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"command": command, "date": date.today().isoformat(), "machine": describe_machine()}
    content = facts | {"threads": torch.get_num_threads(), "rows": [row._asdict() for row in times]}
    (folder / "directions.json").write_text(json.dumps(content, indent=2) + "\n")
    rows = [
        [row.flow, str(row.num_features), f"{row.to_noise_ms:.2f}", f"{row.to_data_ms:.2f}", _ratio(row)]
        for row in times
    ]
    lines = [
        "# Which direction is fast",
        "",
        f"Written by `{command}` on {facts['date']}, {facts['machine']}, {content['threads']} threads.",
        f"A batch of {BATCH} vectors through one MADE of {HIDDEN} hidden units, median wall milliseconds.",
        "A MAF reads x: its density is one pass, its sampling goes element by element.",
        "An IAF reads z: the other way round.",
        "",
        *_table(["flow", "D", "x → z, density", "z → x, sampling", "slow / fast"], rows),
        "",
    ]
    page = folder / "directions.md"
    page.write_text("\n".join(lines))
    return page


def _ratio(row: DirectionTimes) -> str:
    slow, fast = max(row.to_noise_ms, row.to_data_ms), min(row.to_noise_ms, row.to_data_ms)
    return f"{slow / fast:.0f}"


def describe_machine() -> str:
    """Processor, cores and torch, for the page of a measurement."""
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line
        ]
        processor = next(iter(models), processor)
    return f"{processor}, {os.cpu_count()} cores, torch {torch.__version__.split('+')[0]}"


def _plane_table(results: list[DensityResult]) -> list[str]:
    """A row a flow, a column a set."""
    found = {(r.config.flow, r.config.data): r for r in results}
    sets = [name for name in PLANE_SETS if any(data == name for _, data in found)]
    entropies = {r.config.data: r.entropy_nats for r in results}
    rows = [
        ["**entropy**", "", *(f"**{entropies[name]:.3f}**" for name in sets), ""],
    ]
    for flow in PLANE:
        runs = [found[flow, name] for name in sets if (flow, name) in found]
        if runs:
            cells = [f"{r.nats:.3f} (+{r.excess_nats:.3f})" for r in runs]
            seconds = sum(r.cpu_seconds for r in runs) / len(runs)
            rows.append([flow, f"{runs[0].num_parameters:,}", *cells, f"{seconds:.0f}"])
    return [
        "## Points in the plane",
        "",
        "Nats of 20,000 held-out points (a density, exact), and in brackets by how much they exceed those of",
        "the true density on the same points, an estimate of the Kullback-Leibler divergence.",
        "The true density is known: uniform on squares, or a curve with Gaussian noise.",
        "",
        *_table(["flow", "parameters", *sets, "CPU-seconds"], rows),
        "",
    ]


def _digits_table(results: list[DensityResult]) -> list[str]:
    """A row a run, the worst first."""
    rows = [
        [
            r.config.flow,
            r.config.dequantization,
            f"{r.bits_per_dim:.3f}",
            f"{r.num_parameters:,}",
            str(r.steps),
            f"{r.cpu_seconds:.0f}",
        ]
        for r in results
    ]
    return [
        "## Digits",
        "",
        "The 8×8 digits of scikit-learn at 16 levels of grey, 400 held out.",
        "Bits per dimension are upper bounds, by uniform or variational dequantization, over 8 draws",
        "of the noise of each image on average.",
        "",
        *_table(["flow", "bound", "bits per dimension", "parameters", "steps", "CPU-seconds"], rows),
        "",
    ]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]


def _small_png(picture: Path) -> bytes:
    from PIL import Image

    content = io.BytesIO()
    Image.open(picture).convert("RGB").quantize(COLOURS).save(content, "png", optimize=True)
    return content.getvalue()
