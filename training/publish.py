"""A trained checkpoint becomes a voice: measured on held-out lists, the figures kept inside it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vocoder.checkpoints import CheckpointInfo, load, read_info, rewrite_checkpoint
from vocoder.checkpoints.format import write_atomically
from vocoder.checkpoints.voices import SHIPPED
from vocoder.commands.evaluate import VoiceSystem
from vocoder.config import parse_config
from vocoder.errors import CheckpointError, ConfigError, InputError
from vocoder.evaluation import BASELINES, baseline, read_manifest, run
from vocoder.evaluation.report import to_json
from vocoder.mel import MelSpec
from vocoder.models import MODELS

MAX_VOICE_BYTES = 12 * 2**20
RECORD = ".json"


def publish(
    checkpoint: Path,
    target: Path,
    lists: Mapping[str, Path],
    *,
    correction: int | None = None,
    description: str | None = None,
    workers: int | None = None,
    **config: Any,
) -> dict[str, Any]:
    """Measure `checkpoint` beside Griffin-Lim and the recordings on each list, and write it to `target`.

    A target that ends in .json takes the record alone, without the weights: of a voice that is compared but
    not shipped. `correction`: its passes from now on; `description`: a line about it; `config`: what its
    configuration says, say the `temperature`; what is None stays. Measured is the voice with them.
    Returns the figures, `{list: {date, machine, clips, systems: {system: {measure: {mean, low, high}}}}}`.

    Raises:
        CheckpointError: no checkpoint there, or a value that its kind of model does not take.
        InputError: a list that cannot be read, a clip that fails, or over 12 MiB for a voice that ships.
    """
    if not checkpoint.is_file():
        raise CheckpointError(f"no checkpoint at {checkpoint}")
    ships = target.suffix != RECORD and target.resolve().parent == SHIPPED.resolve()
    if ships and checkpoint.stat().st_size > MAX_VOICE_BYTES:
        raise InputError(
            f"{checkpoint} is over {MAX_VOICE_BYTES / 2**20:.0f} MiB, too large for a voice that ships: "
            "give another folder"
        )
    for path in lists.values():
        read_manifest(path)
    with configured(checkpoint, target.stem, correction=correction, **config) as voice:
        spec = read_info(voice).mel_spec
        figures = {name: _measure(voice, path, spec, workers) for name, path in lists.items()}
        changes = {"figures": figures} | ({} if description is None else {"description": description})
        if target.suffix == RECORD:
            record = read_info(voice).model_copy(update=changes)
            write_atomically(target, record.model_dump_json(indent=1).encode())
        else:
            rewrite_checkpoint(voice, target, **changes)
    return figures


@contextmanager
def configured(
    checkpoint: Path, name: str, *, correction: int | None = None, **config: Any
) -> Iterator[Path]:
    """A copy of a checkpoint under that name, its configuration changed where a value is not None.

    Raises:
        CheckpointError: no checkpoint there, or a value that its kind of model does not take.
    """
    changed = {key: value for key, value in config.items() if value is not None}
    with TemporaryDirectory() as folder:
        voice = Path(folder) / f"{name}.safetensors"
        info = read_info(checkpoint)
        passes = info.correction if correction is None else correction
        _check_config(checkpoint, info, info.config | changed)
        rewrite_checkpoint(checkpoint, voice, config=info.config | changed, correction=passes)
        load(voice)
        yield voice


def _check_config(checkpoint: Path, info: CheckpointInfo, config: dict[str, Any]) -> None:
    model, config_type = MODELS[info.kind]
    try:
        model(parse_config(config_type, config, "its configuration"), info.mel_spec)
    except ConfigError as error:
        raise CheckpointError(f"{checkpoint} is a {info.kind}: {error}") from None


def _measure(checkpoint: Path, manifest: Path, spec: MelSpec, workers: int | None) -> dict[str, Any]:
    systems = [VoiceSystem(str(checkpoint)), *(baseline(name, spec) for name in BASELINES)]
    clips = read_manifest(manifest)
    scores = list(run(clips, systems, workers=workers or os.cpu_count() or 1))
    failed = [f"{score.system} on {score.clip}: {score.error}" for score in scores if score.error]
    if failed:
        raise InputError("; ".join(failed))
    result = to_json(scores)
    kept = {key: result[key] for key in ("date", "machine", "versions")}
    means = {name.removesuffix(".safetensors"): values for name, values in result["systems"].items()}
    return {**kept, "clips": len(clips), "systems": means}
