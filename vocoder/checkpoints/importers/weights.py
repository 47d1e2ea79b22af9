"""The weights in a foreign file, whatever they are wrapped in, without running any code that it may hold."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from vocoder.checkpoints.importers.objects import load_as_data, module_weights
from vocoder.errors import CheckpointError

WRAPPERS = ("model", "state_dict", "model_state_dict")
PARALLEL = "module."
_HALVES = (
    (".weight_g", ".weight_v"),
    (".parametrizations.weight.original0", ".parametrizations.weight.original1"),
)


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Names and float32 weights of a safetensors file or of one that torch.save wrote.

    What training scripts put around them (`{"model": …}`, `{"state_dict": …}`, the `module.` of parallel
    training, the module itself) is taken off, and weight norms are folded.

    Raises:
        CheckpointError: the file is missing, damaged, or holds no weights.
    """
    path = Path(path)
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    weights = _find_weights(content, path)
    if all(name.startswith(PARALLEL) for name in weights):
        weights = {name.removeprefix(PARALLEL): value for name, value in weights.items()}
    try:
        return fold_weight_norm({name: value.float() for name, value in weights.items()})
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def fold_weight_norm(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Every pair (g, v) as the weight g · v / ‖v‖, the norm taken for each output channel.

    (Salimans and Kingma 2016, eq. 2.) A plain weight that stands beside a pair is stale, and replaced.

    Raises:
        CheckpointError: a g without its v, or one that is not its length.
    """
    folded = dict(weights)
    for length, direction in _HALVES:
        for name in [name for name in weights if name.endswith(length)]:
            stem = name.removesuffix(length)
            if stem + direction not in folded:
                raise CheckpointError(f"{name} has no {stem + direction} beside it, as a weight norm needs")
            g, v = folded.pop(name), folded.pop(stem + direction)
            norm = torch.linalg.vector_norm(v, dim=tuple(range(1, v.dim())), keepdim=True)
            if g.shape != norm.shape:
                raise CheckpointError(
                    f"{name} has shape {list(g.shape)}, where {stem + direction} asks for {list(norm.shape)}"
                )
            folded[stem + ".weight"] = v * (g / norm)
    return folded


def _read_safetensors(path: Path) -> Any:
    try:
        return load_file(path)
    except FileNotFoundError:
        raise CheckpointError(f"no file at {path}") from None
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read as safetensors: {error}") from None


def _read_torch(path: Path) -> Any:
    if not path.is_file():
        raise CheckpointError(f"no file at {path}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        return _read_objects(path)
    except Exception as error:  # whatever a reader of pickles makes of bytes that are none
        raise _unreadable(path, error) from None


def _read_objects(path: Path) -> Any:
    """What `torch.save(model)` wrote, its modules as their weights: NVIDIA's WaveGlow is distributed so."""
    try:
        content = load_as_data(path)
    except Exception as error:
        raise _unreadable(path, error) from None
    if isinstance(content, Mapping):
        return {key: module_weights(value) or value for key, value in content.items()}
    return module_weights(content)


def _unreadable(path: Path, error: Exception) -> CheckpointError:
    reason = str(error).partition("\n")[0] or type(error).__name__
    return CheckpointError(f"{path} cannot be read as a file of torch.save: {reason}")


def _find_weights(content: Any, path: Path) -> dict[str, Tensor]:
    """The mapping of names to tensors, at the top or in one of the usual wrappers."""
    inner = [content[key] for key in WRAPPERS if isinstance(content, Mapping) and key in content]
    for candidate in (*inner, content):
        if isinstance(candidate, Mapping) and candidate:
            tensors = {str(k): v for k, v in candidate.items() if isinstance(v, Tensor)}
            if len(tensors) == len(candidate):
                return tensors
    raise CheckpointError(
        f"{path} holds no weights: expected names and tensors, at the top or under {', '.join(WRAPPERS)}"
    )
