"""Pictures of a training run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def plot_curves(curves: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """One panel for each held-out figure of each stage, over CPU-seconds; no picture without curves."""
    panels = [
        (stage, key, [(line["cpu_seconds"], line[key]) for line in lines if key in line])
        for stage, lines in curves.items()
        for key in sorted({key for line in lines for key in line if key.startswith("valid_")})
    ]
    if not panels:
        return
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3 * len(panels), 2.4), layout="constrained")
    for axes, (stage, key, points) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        axes.plot(*zip(*points, strict=True), linewidth=1.2)
        axes.set_title(f"{stage}: {key.removeprefix('valid_').replace('_', ' ')}", fontsize=8)
        axes.set_xlabel("CPU-seconds", fontsize=7)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
