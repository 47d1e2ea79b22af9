"""The checkpoint: one safetensors file, whose metadata says everything needed to use the weights.

Metadata, all JSON: `format_version`, `kind`, `config`, `mel_spec`, `correction` (passes after the model),
`training` (data, recipe, steps, parent), `figures` (what was measured). Nothing is pickled.
"""

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes

from vocoder.config import Config, parse_config
from vocoder.device import usable_device
from vocoder.errors import CheckpointError, ConfigError
from vocoder.mel import MelSpec
from vocoder.models import MODELS, Vocoder
from vocoder.models.corrected import MAX_PASSES

FORMAT_VERSION = 1


class CheckpointInfo(Config):
    """What a checkpoint says of itself, without its weights."""

    format_version: int = FORMAT_VERSION
    kind: str
    config: dict[str, Any]
    mel_spec: MelSpec
    correction: int = Field(
        default=0, ge=0, le=MAX_PASSES, description="passes that bring what the model says nearer to its mel"
    )
    description: str = ""
    training: dict[str, Any] = Field(default_factory=dict)
    figures: dict[str, Any] = Field(default_factory=dict)


def save_checkpoint(
    path: str | Path,
    model: Vocoder,
    *,
    weights: Mapping[str, torch.Tensor] | None = None,
    correction: int = 0,
    description: str = "",
    training: Mapping[str, Any] | None = None,
    figures: Mapping[str, Any] | None = None,
) -> None:
    """Write `model` atomically; `weights` (say, their moving average) stand in for its own."""
    info = CheckpointInfo(
        kind=model.kind,
        config=model.config.model_dump(mode="json"),
        mel_spec=model.mel_spec,
        correction=correction,
        description=description,
        training=dict(training or {}),
        figures=dict(figures or {}),
    )
    _write(Path(path), info, weights or model.state_dict())


def rewrite_checkpoint(source: str | Path, target: str | Path, **changes: Any) -> None:
    """Copy a checkpoint with some of its metadata changed, say its `figures` or its `description`.

    Raises:
        CheckpointError: `source` is no checkpoint.
        ConfigError: a change that is no field of `CheckpointInfo`.
    """
    info = parse_config(CheckpointInfo, read_info(source).model_dump() | changes, str(source))
    _write(Path(target), info, _read_weights(source))


def _write(path: Path, info: CheckpointInfo, weights: Mapping[str, torch.Tensor]) -> None:
    tensors = {key: value.detach().cpu().contiguous() for key, value in weights.items()}
    metadata = {key: json.dumps(value) for key, value in info.model_dump(mode="json").items()}
    write_atomically(path, to_bytes(tensors, metadata))


def _read_weights(path: str | Path) -> dict[str, torch.Tensor]:
    with _open(path) as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)


def write_atomically(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Write beside `path`, flush to the disk, rename, flush the folder.

    A reader sees the old file or the new, never half, also after a loss of power, and of several writers one
    comes last, or without `replace` the first.

    Raises:
        FileExistsError: `path` is there, and `replace` is not set.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            path.hardlink_to(temporary)
    finally:
        temporary.unlink(missing_ok=True)
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_info(path: str | Path) -> CheckpointInfo:
    """The metadata alone; raises `CheckpointError` when the file is missing, damaged or foreign."""
    with _open(path) as file:
        metadata = file.metadata() or {}
    try:
        values = {key: json.loads(value) for key, value in metadata.items()}
    except json.JSONDecodeError:
        raise CheckpointError(f"{path} is a safetensors file, but not a checkpoint of this project") from None
    version = values.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise CheckpointError(
            f"{path} has format version {version}, this installation reads up to {FORMAT_VERSION}: upgrade it"
        )
    try:
        return parse_config(CheckpointInfo, values, str(path))
    except ConfigError as error:
        raise CheckpointError(f"not a checkpoint of this project: {error}") from None


def load_checkpoint(path: str | Path, *, device: torch.device | str = "cpu") -> Vocoder:
    """Build the model and load its weights, in evaluation mode: the model alone, without correction.

    Raises:
        CheckpointError: missing, damaged, foreign, of an unknown kind, or at odds with itself.
        ConfigError: a device that is not there.
    """
    place = usable_device(device)
    info = read_info(path)
    if info.kind not in MODELS:
        raise CheckpointError(f"{path} holds a {info.kind!r}; known kinds: {', '.join(MODELS)}")
    model_type, config_type = MODELS[info.kind]
    try:
        model = model_type(parse_config(config_type, info.config, str(path)), info.mel_spec)
        model.load_state_dict(_read_weights(path))
    except ConfigError as error:
        raise CheckpointError(f"the config in {path} builds no {info.kind}: {error}") from None
    except RuntimeError as error:
        raise CheckpointError(f"the weights in {path} do not fit its own config: {error}") from None
    return model.to(place).eval().requires_grad_(False)


def _open(path: str | Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except FileNotFoundError:
        raise CheckpointError(f"no checkpoint at {path}") from None
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read as safetensors: {error}") from None
