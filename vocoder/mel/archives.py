"""Mels in the archives that acoustic models leave on a disk: `numpy.savez`, `torch.save`.

For files of one's own: the server takes neither, since an archive's size does not tell what it unpacks to.
"""

import io
import pickle
import zipfile
from typing import Any

import numpy as np
import torch

from vocoder.arrays import as_tensor
from vocoder.errors import InputError
from vocoder.mel.files import KEY, MelFile

_ZIP_MAGIC = b"PK\x03\x04"


def is_archive(data: bytes) -> bool:
    return data.startswith(_ZIP_MAGIC)


def decode_archive(data: bytes) -> MelFile:
    """Read a mel `[mel, frame]` or `[1, mel, frame]` as float32: the only array, or the one named mel.

    Nothing is unpickled but tensors.

    Raises:
        InputError: damaged, several arrays and none of that name, no floating-point numbers, other axes.
    """
    try:
        names = zipfile.ZipFile(io.BytesIO(data)).namelist()
        found = _of_torch(data) if any(name.endswith("data.pkl") for name in names) else _of_numpy(data)
    except (zipfile.BadZipFile, pickle.UnpicklingError, ValueError, RuntimeError, EOFError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"archive: cannot be read as npz or pt ({reason}); save the array alone") from None
    tensor = as_tensor(found, "archive").detach()
    if tensor.dim() == 3 and len(tensor) == 1:
        tensor = tensor[0]
    if not tensor.is_floating_point() or tensor.dim() != 2 or 0 in tensor.shape:
        got = f"{tensor.dtype} {list(tensor.shape)}"
        raise InputError(f"archive: expected floating-point values, bands x frames, got {got}")
    return MelFile(tensor.float(), None)


def _of_numpy(data: bytes) -> np.ndarray:
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return arrays[_chosen(arrays.files)]


def _of_torch(data: bytes) -> Any:
    found: Any = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return found[_chosen(list(found))] if isinstance(found, dict) else found


def _chosen(names: list[str]) -> str:
    if KEY not in names and len(names) != 1:
        got = ", ".join(map(repr, names[:5])) or "none"
        raise ValueError(f"expected one array, or one named {KEY!r}, got {got}")
    return KEY if KEY in names else names[0]
