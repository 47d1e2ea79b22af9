"""A table for each list of recordings: voices side by side, what is no voice, and what others published."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from training.spent import spent
from vocoder.checkpoints import CheckpointInfo
from vocoder.evaluation import BASELINES, MEASURES

COLUMNS = ("pesq", "estoi", "dnsmos", "dnsmos_p808", "stft_log_magnitude", "mcd", "upper_band")
PUBLISHED = "published.json"
"""`{list: {source, rows: [{name, measure: figure}]}}`: measured by others, on other sentences."""

Cell = Mapping[str, Any] | None


def comparison(infos: Mapping[str, CheckpointInfo], beside: Path) -> Iterator[str]:
    """Markdown. `beside` may hold results of `vocoder evaluate` as LIST.json, and `PUBLISHED`."""
    published = _read(beside / PUBLISHED)
    for title in dict.fromkeys(title for info in infos.values() for title in info.figures):
        measured = {name: info for name, info in infos.items() if title in info.figures}
        systems = {name: own_figures(info.figures[title]["systems"]) for name, info in measured.items()}
        first = next(iter(measured.values())).figures[title]
        more = _read(beside / f"{title.replace(' ', '-')}.json").get("systems", {})
        baselines = {name: first["systems"][name] for name in BASELINES}
        yield f"### On {title}: {first['clips']} clips"
        yield ""
        yield "| | CPU-hours | GPU-minutes | " + " | ".join(_heading(column) for column in COLUMNS) + " |"
        yield "| --- | ---: | ---: |" + " ---: |" * len(COLUMNS)
        for name, system in {**baselines, **more, **systems}.items():
            took = _took(infos[name]) if name in infos else " | "
            label = f"**{name}**" if name in infos else name
            yield f"| {label} | {took} | " + " | ".join(cell(system.get(c), c) for c in COLUMNS) + " |"
        if title in published:
            for row in published[title]["rows"]:
                yield f"| *{row['name']}* | | | " + " | ".join(_figure(row, c) for c in COLUMNS) + " |"
            yield ""
            yield f"In italics: {published[title]['source']}"
        yield ""


def _took(info: CheckpointInfo) -> str:
    took = spent(info.training)
    return f"{took.cpu_hours:.1f} | {took.gpu_minutes:.1f}"


def own_figures(systems: Mapping[str, Any]) -> Any:
    """The figures of the voice itself, which may have had another name when it was measured."""
    return next(figures for name, figures in systems.items() if name not in BASELINES)


def cell(value: Cell, measure: str) -> str:
    """A mean and half its interval."""
    decimals = MEASURES[measure].decimals
    if not value or value.get("mean") is None:
        return "–"
    mean = f"{round(value['mean'], decimals) + 0.0:.{decimals}f}"  # no -0.0
    if value.get("low") is None:
        return mean
    return f"{mean} ± {(value['high'] - value['low']) / 2:.{decimals}f}"


def _heading(column: str) -> str:
    measure = MEASURES[column]
    return measure.label + (f" [{measure.unit}]" if measure.unit else "")


def _figure(row: Mapping[str, Any], column: str) -> str:
    return f"{row[column]:.{MEASURES[column].decimals}f}" if column in row else ""


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}
