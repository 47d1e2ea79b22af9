"""Pictures of a training run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

COLUMNS = 4


def plot_curves(curves: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """One panel for each held-out figure of each stage, over CPU-seconds; no picture without curves.

    What is 0 all the time, as a term of the loss that is switched off, has no panel.
    """
    panels = [
        (stage, key, [(line["cpu_seconds"], line[key]) for line in lines if key in line])
        for stage, lines in curves.items()
        for key in sorted({key for line in lines for key in line if key.startswith("valid_")})
    ]
    panels = [panel for panel in panels if any(value for _, value in panel[2])]
    if not panels:
        return
    from matplotlib.figure import Figure

    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(3 * columns, 2.4 * rows), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).flat
    for axes in list(places)[len(panels) :]:
        axes.set_axis_off()
    for axes, (stage, key, points) in zip(figure.axes, panels, strict=False):
        axes.plot(*zip(*points, strict=True), linewidth=1.2)
        axes.set_title(f"{stage}: {key.removeprefix('valid_').replace('_', ' ')}", fontsize=8)
        axes.set_xlabel("CPU-seconds", fontsize=7)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
