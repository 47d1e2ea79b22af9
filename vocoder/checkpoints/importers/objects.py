"""Files of torch.save with whole Python objects in them, read as data: no class is found, no code is run.

A pickle names functions and classes that are to be called. Here only those that put tensors together are;
every other name stands for an `Inert` object, which keeps what it is given. Of a module that is its
dictionary, where torch keeps parameters, buffers and the modules inside.
"""

import pickle
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

_PUT_TOGETHER = {
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_parameter"),
    ("torch.nn.parameter", "Parameter"),
}


class Inert:
    """An object of a class that was not looked for, or what a function that was not called returned."""

    state: Any = None
    dump_patches = False  # torch asks a module of before 2020 whether its source was changed

    def __new__(cls, *args: Any, **options: Any) -> "Inert":
        return object.__new__(cls)

    def __init__(self, *args: Any, **options: Any) -> None:
        pass

    def __call__(self, *args: Any, **options: Any) -> "Inert":
        return Inert()

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        """Entries of a dictionary of another class."""

    def append(self, item: Any) -> None:
        """Items of a list of another class."""

    def extend(self, items: Any) -> None:
        """Items of a list of another class."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) in _PUT_TOGETHER:
            return super().find_class(module_name, global_name)
        return Inert


def _load(file: IO[bytes], **options: Any) -> Any:
    return _Unpickler(file, **options).load()


_AS_DATA = types.ModuleType("pickle_as_data")
_AS_DATA.__dict__.update(Unpickler=_Unpickler, load=_load)


def load_as_data(path: Path) -> Any:
    """The content of a file of torch.save, with `Inert` objects for all but tensors and plain Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sources that are not looked at
        return torch.load(path, map_location="cpu", weights_only=False, pickle_module=_AS_DATA)


def module_weights(value: Any) -> dict[str, Tensor] | None:
    """The state dict of what was a module; None of anything else."""
    return dict(_weights(value, "")) if _is_module(value) else None


def _is_module(value: Any) -> bool:
    return isinstance(value, Inert) and isinstance(value.state, dict) and "_modules" in value.state


def _weights(module: Inert, prefix: str) -> Iterator[tuple[str, Tensor]]:
    for kind in ("_parameters", "_buffers"):
        for name, tensor in module.state.get(kind, {}).items():
            if isinstance(tensor, Tensor):
                yield prefix + name, tensor.detach()
    for name, inner in module.state["_modules"].items():
        if _is_module(inner):
            yield from _weights(inner, f"{prefix}{name}.")
