"""The page of voices, written from their checkpoints: how each was trained, and how it sounds in figures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.plots import plot_curves
from vocoder.checkpoints import CheckpointInfo, read_info, voice_paths
from vocoder.evaluation import BASELINES, MEASURES

COLUMNS = (
    "pesq",
    "estoi",
    "dnsmos",
    "dnsmos_p808",
    "stft_log_magnitude",
    "mcd",
    "f0_rmse_cents",
    "voicing_error",
)


def write_page(output: Path) -> None:
    """Write Markdown to `output` and the pictures of the training curves beside it, in `voices/`."""
    pictures = output.parent / "voices"
    pictures.mkdir(parents=True, exist_ok=True)
    infos = {name: read_info(path) for name, path in voice_paths().items()}
    lines = [
        "# Voices",
        "",
        "Written by `vocoder voices-page` from the records inside the checkpoints; `vocoder publish` put the",
        "figures there. Means over the clips of each held-out list, with 95 % bootstrap intervals.",
        "",
    ]
    for name, info in infos.items():
        plot_curves(info.training.get("curves", {}), pictures / f"{name}.png")
        lines += [*_voice(name, info), ""]
    output.write_text("\n".join(lines))


def _voice(name: str, info: CheckpointInfo) -> Iterator[str]:
    training = info.training
    steps = ", ".join(f"{count} ({stage})" for stage, count in training.get("steps", {}).items())
    yield f"## {name}"
    yield ""
    yield f"{info.description}."
    yield ""
    yield f"- kind: {info.kind}; mel: {info.mel_spec.num_mels} bands, hop {info.mel_spec.hop_length}, "
    yield f"  {info.mel_spec.sample_rate} Hz (spec {info.mel_spec.fingerprint})"
    yield f"- data: {training.get('recordings')} recordings, {training.get('minutes_of_speech')} minutes, "
    yield f"  {training.get('speakers')} speakers (hash {training.get('data_hash')})"
    yield f"- training: steps {steps}; {training.get('cpu_seconds')} CPU-seconds"
    yield ""
    yield f"![held-out figures of {name} during training](voices/{name}.png)"
    for title, figures in info.figures.items():
        yield ""
        yield f"### {name} on {title}: {figures['clips']} clips"
        yield ""
        yield from _table(name, figures["systems"])
        yield ""
        machine = figures["machine"]
        yield f"{figures['date'][:10]}, {machine['cores']} cores ({machine['processor']})."


def _table(voice: str, systems: dict[str, Any]) -> Iterator[str]:
    shown = [MEASURES[column] for column in COLUMNS]
    yield "| | " + " | ".join(f"{m.label}{f' [{m.unit}]' if m.unit else ''}" for m in shown) + " |"
    yield "| --- |" + " ---: |" * len(shown)
    for system in (*BASELINES, *(name for name in systems if name not in BASELINES)):
        label = system if system in BASELINES else f"**{voice}**"
        yield (
            f"| {label} | " + " | ".join(_cell(systems[system].get(m.name), m.decimals) for m in shown) + " |"
        )


def _cell(value: dict[str, Any] | None, decimals: int) -> str:
    if not value or value.get("mean") is None:
        return "–"
    if value.get("low") is None:
        return f"{value['mean']:.{decimals}f}"
    return f"{value['mean']:.{decimals}f} ± {(value['high'] - value['low']) / 2:.{decimals}f}"
