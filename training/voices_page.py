"""The page of voices, written from their checkpoints: how each was trained, and how it sounds in figures."""

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from training.air_levels import air_table
from training.figures import wanted_figures
from training.plots import plot_curves
from training.search.page import runs_table, summary
from training.search.record import read_record
from training.spent import Spent
from training.voices_audio import write_players
from training.voices_comparison import cell, comparison
from vocoder.checkpoints import CheckpointInfo, read_info, voice_paths
from vocoder.evaluation import BASELINES, MEASURES
from vocoder.evaluation.measures import Measure

COLUMNS = (
    "pesq",
    "estoi",
    "dnsmos",
    "dnsmos_p808",
    "stft_log_magnitude",
    "mcd",
    "upper_band",
    "f0_rmse_cents",
    "voicing_error",
)

NEIGHBOURS = {
    "search/teacher-long.md": "which settings of the recipe matter, run by run",
    "search/teacher.md": "the same in shorter runs",
    "scaling.md": "what more compute, speech and size may bring",
    "parity.md": "student and teacher, sound by sound",
    "voice-faults.md": "clicks, tones, octave errors and other faults, counted",
    "listening.md": "how to ask listeners",
}
"""Pages about voices, relative to the folder of this one."""


def write_page(output: Path) -> None:
    """Write Markdown to `output`; pictures of the training curves and sounds beside it, in `voices/`."""
    pictures = output.parent / "voices"
    pictures.mkdir(parents=True, exist_ok=True)
    installed = voice_paths()
    infos = {name: read_info(path) for name, path in installed.items()}
    kept = {path: json.loads(path.read_text()) for path in sorted(pictures.glob("*.json"))}
    grids = [found for found in kept.values() if "settings" in found]
    airs = [found for found in kept.values() if "levels" in found]
    records = [path for path, found in kept.items() if not found.keys() & {"settings", "levels"}]
    infos |= {path.stem: CheckpointInfo.model_validate_json(path.read_text()) for path in records}
    lines = [
        "# Voices",
        "",
        "Written by `vocoder voices-page` from the records inside the checkpoints; `vocoder publish` put the",
        "figures there. Means over the clips of each held-out list, with 95 % intervals by Student's t, over",
        "speakers where a list has several; the records of before December 2026 hold percentile bootstraps",
        "over clips, which for 12 clips hold the mean about 91 times in 100, not 95. What does not ship has",
        "its record in `docs/voices/`.",
        "",
        *_neighbours(output.parent),
        "## Listen",
        "",
        "Two recordings that no voice was trained on, in the public domain (LJSpeech), through each voice's",
        "mel.",
        "",
        *write_players(installed, pictures),
    ]
    lines += [
        "## Side by side",
        "",
        "The voices that ship, beside the recording, Griffin-Lim and WORLD, which sees the recording and not",
        "its mel. CPU-hours and GPU-minutes: of training, those of the runs that gave a voice its first",
        "weights included; runs that shared a GPU have its minutes each.",
        "",
        *comparison({name: infos[name] for name in installed}, pictures / "beside"),
    ]
    for record in sorted((output.parent / "search").glob("*.json")):
        lines += [*_search(record), ""]
    for name, info in infos.items():
        plot_curves(info.training.get("curves", {}), pictures / f"{name}.png")
        lines += [*_voice(name, info), ""]
        for grid in grids:
            if grid["voice"] == name:
                lines += [f"### {name} at several temperatures: {grid['clips']} clips", ""]
                lines += [*temperature_table(grid), "", _made(grid), ""]
        for found in airs:
            if found["voice"] == name:
                lines += [f"### {name} with more and less air: {found['clips']} clips", ""]
                lines += [
                    "Louder than the recordings from 8 to 10 kHz, medians over frames (`vocoder air`).",
                    "",
                ]
                lines += [*air_table(found), "", _made(found), ""]
    output.write_text("\n".join(lines))


def _search(path: Path) -> Iterator[str]:
    """All runs of a search, and what of it is more than chance."""
    record = read_record(path)
    yield f"## What was searched: {path.stem}"
    yield ""
    minutes = sorted(run.cpu_seconds / 60 for run in record.runs)
    span = f"{minutes[0]:.0f} to {minutes[-1]:.0f} CPU-minutes (the median {median(minutes):.0f})"
    yield f"`{record.facts['command']}`, {record.facts['date']}, {record.facts['machine']}: runs of"
    yield f"{span}, each with one thing"
    yield "changed; the figure is of held-out segments at the end of the run, less is better."
    yield f"[{path.stem}.md](search/{path.stem}.md) has what was changed, and the curves."
    yield ""
    yield from summary(record)
    yield ""
    yield from runs_table(record)


def _neighbours(folder: Path) -> Iterator[str]:
    """Links to the other pages about voices that lie there."""
    found = [f"[{what}]({name})" for name, what in NEIGHBOURS.items() if (folder / name).exists()]
    if found:
        yield f"See also: {', '.join(found)}."
        yield ""


def temperature_table(grid: dict[str, Any]) -> Iterator[str]:
    """Rows of Markdown: a setting each, as `measure_temperatures` returned them."""
    columns = [c for c in (*COLUMNS, "clicks") if any(c in s["measures"] for s in grid["settings"])]
    shown = [MEASURES[column] for column in columns]
    yield "| temperature | voiced | correction | " + " | ".join(_label(m) for m in shown) + " |"
    yield "| --- | --- | --- |" + " ---: |" * len(shown)
    for setting in grid["settings"]:
        cells = [cell(setting["measures"].get(m.name), m.name) for m in shown]
        temperature = f"{setting['temperature']:g}"
        told = {
            "voiced": "× {:g}",
            "voiced_above": "× {:g} above the mel",
            "density_floor": "density from {:g} on",
            "bound": "within ± {:g}",
        }
        voiced = ", ".join(text.format(setting[key]) for key, text in told.items() if key in setting)
        yield f"| {temperature} | {voiced} | {setting.get('correction', '')} | " + " | ".join(cells) + " |"


def _made(figures: dict[str, Any]) -> str:
    machine = figures["machine"]
    return f"{figures['date'][:10]}, {machine['cores']} cores ({machine['processor']})."


def _label(measure: Measure) -> str:
    return measure.label + (f" [{measure.unit}]" if measure.unit else "")


def _voice(name: str, info: CheckpointInfo) -> Iterator[str]:
    training = info.training
    steps = ", ".join(f"{count} ({stage})" for stage, count in training.get("steps", {}).items())
    yield f"## {name}"
    yield ""
    yield f"{info.description}."
    yield ""
    yield f"- kind: {info.kind}; mel: {info.mel_spec.num_mels} bands, hop {info.mel_spec.hop_length}, "
    yield f"  {info.mel_spec.sample_rate} Hz (spec {info.mel_spec.fingerprint})"
    if info.correction:
        yield f"- correction: {info.correction} passes towards the mel"
    if (levels := info.config.get("air")) is not None:
        yield f"- air: {levels['voiced']:g} in voiced sounds, {levels['unvoiced']:g} in others"
    yield f"- data: {training.get('recordings')} recordings, {training.get('minutes_of_speech')} minutes, "
    yield f"  {training.get('speakers')} speakers (hash {training.get('data_hash')})"
    yield f"- training: steps {steps}; {_took(training)}"
    if (began := training.get("began_with")) is not None:
        yield f"- began with weights of an earlier run: {_took(began)} before"
    if (source := training.get("source_from")) is not None:
        yield f"- its source is that of `{source['name']}`: {_took(source)}"
    bits = _last(training.get("curves", {}), "valid_bits")
    if bits is not None and "valid_bits" in wanted_figures(training.get("recipe", {})):
        yield f"- on its held-out segments: {bits['valid_bits']:.4g} bits a sample, with another's mel "
        yield f"  {bits['valid_bits_shuffled_mel']:.4g}"
    yield ""
    yield f"![held-out figures of {name} during training](voices/{name}.png)"
    for title, figures in info.figures.items():
        yield ""
        yield f"### {name} on {title}: {figures['clips']} clips"
        yield ""
        yield from _table(name, figures["systems"])
        yield ""
        yield _made(figures)


def _took(run: dict[str, Any]) -> str:
    took = Spent.of(run)
    gpu = f", {took.gpu_seconds:.0f} seconds of a GPU" if took.gpu_seconds else ""
    return f"{took.cpu_seconds:.0f} CPU-seconds{gpu}" if "cpu_seconds" in run else "time not recorded"


def _last(curves: dict[str, Any], key: str) -> dict[str, Any] | None:
    """The last point of any curve that has the key."""
    return next((curve[-1] for curve in curves.values() if curve and key in curve[-1]), None)


def _table(voice: str, systems: dict[str, Any]) -> Iterator[str]:
    shown = [MEASURES[column] for column in COLUMNS]
    yield "| | " + " | ".join(_label(m) for m in shown) + " |"
    yield "| --- |" + " ---: |" * len(shown)
    for system in (*BASELINES, *(name for name in systems if name not in BASELINES)):
        label = system if system in BASELINES else f"**{voice}**"
        yield (f"| {label} | " + " | ".join(cell(systems[system].get(m.name), m.name) for m in shown) + " |")
