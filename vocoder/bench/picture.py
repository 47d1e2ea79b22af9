"""A benchmark as one picture: how fast each voice is in each setting, and how soon streams speak."""

import math
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_AXES = ("threads", "precision", "batch", "seconds")


def draw_grid(path: Path, document: dict[str, Any]) -> None:
    """Write a PNG of a document of `vocoder.bench.grid`: bars are medians, whiskers reach from 5 to 95 %."""
    rows, streams = document["rows"], document["streams"]
    panels = 2 if streams else 1
    figure = Figure(figsize=(10, max(3.0, 0.32 * len(rows) + 1.2)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, panels, squeeze=False, width_ratios=[3, 2][:panels])[0]
    _draw_rates(axes[0], rows)
    if streams:
        _draw_streams(axes[1], streams)
    figure.suptitle(f"{document['device']}, {document['machine']['cores']} cores, {document['date'][:10]}")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, format="png")


def _draw_rates(axes: Axes, rows: list[dict[str, Any]]) -> None:
    varied = [name for name in _AXES if len({row[name] for row in rows}) > 1]
    labels = [", ".join([row["voice"], *(f"{name} {row[name]}" for name in varied)]) for row in rows]
    rates = [row["samples_per_second"] for row in rows]
    whiskers = [
        [rate["p50"] - rate["p5"] for rate in rates],
        [rate["p95"] - rate["p50"] for rate in rates],
    ]
    places = list(range(len(rows)))
    axes.barh(places, [rate["p50"] for rate in rates], xerr=whiskers, color="tab:blue", ecolor="0.2")
    axes.set_yticks(places, labels, fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(left=10 ** math.floor(math.log10(min(rate["p5"] for rate in rates)) - 0.5))
    axes.set_xlabel("samples a second")
    axes.grid(axis="x", alpha=0.3)


def _draw_streams(axes: Axes, streams: list[dict[str, Any]]) -> None:
    for voice, precision in dict.fromkeys((row["voice"], row["precision"]) for row in streams):
        rows = [row for row in streams if (row["voice"], row["precision"]) == (voice, precision)]
        label = voice if len({row["precision"] for row in streams}) == 1 else f"{voice}, {precision}"
        counts = [row["streams"] for row in rows]
        (line,) = axes.plot(counts, [row["first_ms"]["p50"] for row in rows], marker="o", label=label)
        axes.plot(counts, [row["first_ms"]["p95"] for row in rows], ":", color=line.get_color())
    counts = sorted({row["streams"] for row in streams})
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.set(xlabel="streams at once", ylabel="first audio, ms (dotted: 95 %)", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
