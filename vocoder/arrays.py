"""What callers give as numbers: tensors, or NumPy's arrays of any layout and byte order."""

import numpy as np
import torch
from torch import Tensor

from vocoder.errors import InputError


def as_tensor(values: object, name: str) -> Tensor:
    """The values as a tensor, of the same memory where torch can read it.

    Raises:
        InputError: no tensor and no array of numbers.
    """
    if isinstance(values, Tensor):
        return values
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf" or values.dtype.itemsize > 8:
        kind = f"an array of {values.dtype}" if isinstance(values, np.ndarray) else type(values).__name__
        raise InputError(f"{name}: expected a tensor or an array of floating-point numbers, got {kind}")
    native = np.ascontiguousarray(values, values.dtype.newbyteorder("="))  # torch reads neither strides < 0
    return torch.from_numpy(native if native.flags.writeable else native.copy())
