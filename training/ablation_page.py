"""The page of the ablation: figures, what changed most, and the spectrogram of one clip by each student."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from training.ablation import WHOLE, Ablation
from training.recipes.distillation import DistillationRecipe
from vocoder.commands.evaluate import VoiceSystem
from vocoder.evaluation import MEASURES
from vocoder.evaluation.pages import describe_machine, table
from vocoder.evaluation.plots import plot_spectrogram_pair

SHOWN = ("pesq", "estoi", "dnsmos", "dnsmos_p808", "stft_log_magnitude", "f0_rmse_cents", "voicing_error")
HEALTH = ("divergence", "entropy", "level_db", "low_band_db", "middle_band_db", "high_band_db")

Figures = Mapping[str, Mapping[str, Mapping[str, float]]]


def write_ablation(
    results: Sequence[Ablation],
    figures: Figures,
    base: DistillationRecipe,
    folder: Path,
    clip: tuple[Any, int],
    *,
    command: str,
) -> Path:
    """`folder`/ablation.md, ablation.json and a picture for each student; `clip` is what they speak."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"command": command, "date": date.today().isoformat(), "machine": describe_machine()}
    record = {
        **facts,
        "recipe": base.portable(),
        "figures": figures,
        "logs": {result.missing: result.log | {"cpu_seconds": result.cpu_seconds} for result in results},
    }
    (folder / "ablation.json").write_text(json.dumps(record, indent=1) + "\n")
    ordered = sorted(results, key=lambda result: (result.missing != WHOLE, result.missing))
    shown = [name for name in SHOWN if name in figures[WHOLE]]
    lines = [
        "# What each term does",
        "",
        f"Written by `{command}` on {facts['date']}, {facts['machine']}.",
        f"Each student begins with `{base.begin_with}` and a new flow, and is taught by `{base.teacher}` for",
        f"{base.flow.steps} steps of {base.segments.batch} segments of {base.segments.frames} frames: "
        "a short while, the same for all.",
        "",
        *table(["", *(MEASURES[name].label for name in shown)], _rows(figures, ordered, shown)),
        "",
        "On held-out segments at the end, nats a sample and dB against the recordings:",
        "",
        *table(
            ["", *HEALTH, "CPU s"],
            [
                [
                    _title(r),
                    *(f"{r.log[f'valid_{name}']:.2f}" if f"valid_{name}" in r.log else "" for name in HEALTH),
                    f"{r.cpu_seconds:.0f}",
                ]
                for r in ordered
            ],
        ),
        "",
    ]
    for result in ordered:
        picture = f"{result.checkpoint.stem}.png"
        audio, rate = clip
        made, _ = VoiceSystem(str(result.checkpoint)).generate(audio, rate)
        plot_spectrogram_pair(folder / picture, audio, made, rate, _title(result))
        lines += [f"## {_title(result).capitalize()}", ""]
        if result.missing != WHOLE:
            lines += [_sentence(figures, result.missing, shown), ""]
        lines += [f"![spectrogram of the recording and of the student, {_title(result)}]({picture})", ""]
    page = folder / "ablation.md"
    page.write_text("\n".join(lines))
    return page


def _rows(figures: Figures, ordered: Sequence[Ablation], shown: Sequence[str]) -> list[list[str]]:
    named = {"before": "before", **{result.missing: _title(result) for result in ordered}}
    return [
        [title, *(f"{figures[missing][name]['mean']:.3g}" for name in shown)]
        for missing, title in named.items()
    ]


def _title(result: Ablation) -> str:
    return WHOLE if result.missing == WHOLE else f"without {result.missing}"


def _sentence(figures: Figures, missing: str, shown: Sequence[str]) -> str:
    """Which measures leave the interval of the whole objective, and by how much."""
    whole, without = figures[WHOLE], figures[missing]
    changes = []
    for name in shown:
        a, b = whole[name], without[name]
        if not a["low"] <= b["mean"] <= a["high"]:
            changes.append(f"{MEASURES[name].label} goes from {a['mean']:.3g} to {b['mean']:.3g}")
    if not changes:
        return "No measure leaves the 95 % interval of the whole objective after so short a while."
    return f"Beyond the 95 % interval of the whole objective: {'; '.join(changes)}."
