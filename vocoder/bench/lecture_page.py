"""docs/benchmarks.md: the lecture's three tables measured again, a section a machine, beside the papers'."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vocoder.bench.speed_page import speed_sections
from vocoder.evaluation.pages import table

PAPERS = (
    ("WaveNet, autoregressive", "172 samples/s", "P100", "van den Oord et al. 2017, Parallel WaveNet"),
    ("Parallel WaveNet, distilled", "> 500,000 samples/s", "P100, batch 1", "the same"),
    ("WaveGlow", "520,000 samples/s", "V100, fp16", "Prenger, Valle and Catanzaro 2018, sec. 3.5"),
    ("WaveGlow, 256 channels", "1,200,000 samples/s", "V100", "README of NVIDIA's repository"),
    ("WaveGlow", "2,000,000 samples/s", "not said", "the lecture"),
)
OPINIONS = (
    "MOS of the paper, 24 kHz: autoregressive 4.41 ± 0.07, distilled 4.41 ± 0.08 (van den Oord et al. 2017)."
)
PROXIES = {"dnsmos": "DNSMOS", "dnsmos_p808": "P.808", "pesq": "PESQ-WB", "estoi": "ESTOI"}


def write_page(folder: Path, directions: Path, figures: Mapping[str, Any], target: Path) -> Path:
    """The page from the JSON files in `folder`, the directions' JSON and the figures inside shipped voices.

    `figures`: `{voice: {system: {measure: {mean, low, high}}}}`, the recording and Griffin-Lim among the
    systems.
    """
    lines = [
        "# Benchmarks",
        "",
        "The lecture's tables, measured again, then every voice in every setting, other vocoders beside it,",
        "the cost of HTTP. Written by `vocoder bench page` from what the commands named below measured and",
        "what `vocoder publish` put into the voices.",
        "",
        "## What the papers say",
        "",
        *table(["model", "speed", "on", "source"], PAPERS),
        "",
        OPINIONS,
        "",
        "## Samples a second",
        "",
    ]
    for path in sorted(folder.glob("lecture-*.json")):
        lines += _speeds(json.loads(path.read_text()))
    lines += speed_sections(folder)
    lines += ["## Opinions, predicted", "", *_opinions(figures)]
    if directions.exists():
        lines += ["## Which direction is fast", "", *_directions(json.loads(directions.read_text()))]
    target.write_text("\n".join(lines))
    return target


def _speeds(found: dict[str, Any]) -> list[str]:
    rows, machine = found["rows"], found["machine"]
    first = rows[0]["samples_per_second"]
    return [
        f"### {machine['processor']}, {machine['cores']} cores, one thread",
        "",
        f"`vocoder bench lecture`, {found['date'][:10]}, torch {found['versions'].get('torch', '?')}, one",
        f"stream, median of {found['runs']} runs (slowest … fastest).",
        "",
        *table(
            ["", "what", "samples/s", "× real time", "× the first row"],
            [
                (
                    row["family"],
                    row["what"],
                    _rate(row),
                    f"{row['times_real_time']:.3g}",
                    f"{row['samples_per_second'] / first:,.0f}",
                )
                for row in rows
            ],
        ),
        "",
    ]


def _opinions(figures: Mapping[str, Any]) -> list[str]:
    head = ["", *PROXIES.values()]
    rows: dict[str, tuple[str, ...]] = {}
    for systems in figures.values():
        for system, measures in systems.items():
            cells = [_estimate(measures.get(name)) for name in PROXIES]
            rows.setdefault(system, (system, *cells))
    told = (
        "Held-out clips of LJSpeech, 95 % intervals as the voices record them (before December 2026 "
        "percentile bootstraps, which are narrow); no listener was asked: predictors, not MOS."
    )
    return [told, "", *table(head, rows.values()), ""]


def _estimate(value: dict[str, float] | None) -> str:
    if value is None:
        return ""
    return f"{value['mean']:.2f} ({value['low']:.2f} … {value['high']:.2f})"


def _directions(found: dict[str, Any]) -> list[str]:
    told = f"`{found['command']}`, {found['date']}, {found['machine']}; median milliseconds."
    rows = [
        (
            row["flow"],
            str(row["num_features"]),
            f"{row['to_noise_ms']:.2f}",
            f"{row['to_data_ms']:.2f}",
        )
        for row in found["rows"]
    ]
    return [told, "", *table(["flow", "D", "x → z, density", "z → x, sampling"], rows), ""]


def _rate(row: dict[str, Any]) -> str:
    median, slowest, fastest = (_short(row[key]) for key in ("samples_per_second", "slowest", "fastest"))
    return f"{median} ({slowest} … {fastest})"


def _short(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"
