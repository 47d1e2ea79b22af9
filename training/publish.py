"""A trained checkpoint becomes a voice: measured on held-out lists, the figures kept inside it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vocoder.checkpoints import read_info, rewrite_checkpoint
from vocoder.commands.evaluate import VoiceSystem
from vocoder.errors import InputError
from vocoder.evaluation import BASELINES, baseline, read_manifest, run
from vocoder.evaluation.report import to_json
from vocoder.mel import MelSpec

MAX_VOICE_BYTES = 12 * 2**20


def publish(
    checkpoint: Path,
    target: Path,
    lists: Mapping[str, Path],
    *,
    temperature: float | None = None,
    workers: int | None = None,
) -> dict[str, Any]:
    """Measure `checkpoint` beside Griffin-Lim and the recordings on each list, and write it to `target`.

    With `temperature`, that becomes the voice's own and is what is measured. Returns the figures,
    `{list: {date, machine, clips, systems: {system: {measure: {mean, low, high}}}}}`.

    Raises:
        CheckpointError: no checkpoint there.
        InputError: a list that cannot be read, a clip that fails, or a voice over 12 MiB.
    """
    info = read_info(checkpoint)
    if checkpoint.stat().st_size > MAX_VOICE_BYTES:
        raise InputError(
            f"{checkpoint} is over {MAX_VOICE_BYTES / 2**20:.0f} MiB: too large for a shipped voice"
        )
    config = info.config if temperature is None else info.config | {"temperature": temperature}
    figures = {
        name: _measure(checkpoint, path, info.mel_spec, temperature, workers) for name, path in lists.items()
    }
    rewrite_checkpoint(checkpoint, target, config=config, figures=figures)
    return figures


def _measure(
    checkpoint: Path, manifest: Path, spec: MelSpec, temperature: float | None, workers: int | None
) -> dict[str, Any]:
    systems = [
        VoiceSystem(str(checkpoint), temperature=temperature),
        *(baseline(name, spec) for name in BASELINES),
    ]
    clips = read_manifest(manifest)
    scores = list(run(clips, systems, workers=workers or os.cpu_count() or 1))
    failed = [f"{score.system} on {score.clip}: {score.error}" for score in scores if score.error]
    if failed:
        raise InputError("; ".join(failed))
    result = to_json(scores)
    kept = {key: result[key] for key in ("date", "machine", "versions")}
    means = {name.removesuffix(".safetensors"): values for name, values in result["systems"].items()}
    return {**kept, "clips": len(clips), "systems": means}
