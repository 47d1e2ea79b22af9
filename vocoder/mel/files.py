"""Mel-spectrograms as bytes, in files and on the wire: NumPy, safetensors, JSON, bare float32.

What a header promises is held against the bytes that came before memory is taken; nothing is unpickled.
"""

import io
import json
import math
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import safetensors.torch
import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError
from safetensors import SafetensorError
from torch import Tensor

from vocoder.errors import ConfigError, InputError
from vocoder.mel.dialects import dialect, dialect_of, mel_spec
from vocoder.mel.spec import MelSpec

FileFormat = Literal["npy", "safetensors", "json"]
MelFormat = FileFormat | Literal["raw"]

_NPY_MAGIC = b"\x93NUMPY"
# A Python literal, which is matched and not evaluated.
_NPY_HEADER = re.compile(
    rb"\{'descr': '([^']{1,8})', 'fortran_order': (True|False), 'shape': \(([0-9, ]{0,80})\),? ?\}\s*"
)
KEY = "mel"
_SPEC_KEY = "mel_spec"

Row = Annotated[list[float], FailFast()]


class MelDocument(BaseModel):
    """A mel as JSON: one row a band, and the analysis that made it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    mel: Annotated[list[Row], FailFast()] = Field(description="bands x frames")
    mel_spec: str | dict[str, Any] | None = Field(
        default=None, description="a dialect's name, or its parameters; by default the voice's own"
    )


class MelFile(NamedTuple):
    """What was read; `spec` is None where the bytes do not say which analysis made the mel."""

    mel: Float[Tensor, "mel frame"]
    spec: MelSpec | None

    def made_by(self, named: str | MelSpec | None) -> MelSpec | None:
        """The analysis that the caller or the file states; raises `ConfigError` where they disagree."""
        stated = dialect(named) if isinstance(named, str) else named
        if stated and self.spec and stated != self.spec:
            asked, said = _named(stated), _named(self.spec)
            raise ConfigError(f"dialect {asked} is asked for, but the mel itself says {said}; drop one")
        return stated or self.spec


def detect_format(data: bytes) -> FileFormat | None:
    """The format that the first bytes announce; None: no mel, or bare floats, which announce nothing."""
    if data.startswith(_NPY_MAGIC):
        return "npy"
    if data[8:9] == b"{":
        return "safetensors"
    return "json" if data[:64].lstrip()[:1] == b"{" else None


def decode_mel(data: bytes, format: MelFormat, shape: Sequence[int] | None = None) -> MelFile:  # noqa: A002
    """Read a floating-point array `[mel, frame]` (or `[1, mel, frame]`) as float32.

    Args:
        shape: of bare little-endian float32, which do not carry their own.

    Raises:
        InputError: not that format, not floats, empty, other axes, or a header that does not fit the bytes.
        ConfigError: it states an analysis that is none.
    """
    if format == "raw":
        return MelFile(_bands_and_frames(_array(data, np.dtype("<f4"), shape or (), "raw")), None)
    read = {"npy": _read_npy, "safetensors": _read_safetensors, "json": _read_json}[format]
    return read(data)


def encode_mel(mel: Float[Tensor, "mel frame"], spec: MelSpec, format: MelFormat) -> bytes:  # noqa: A002
    """Write a mel as `decode_mel` reads it; safetensors and JSON also carry `spec`."""
    mel = mel.detach().to("cpu", torch.float32).contiguous()
    if format == "json":
        return json.dumps({KEY: mel.tolist(), _SPEC_KEY: _named(spec)}).encode()
    if format == "safetensors":
        return safetensors.torch.save({KEY: mel}, {_SPEC_KEY: json.dumps(_named(spec))})
    if format == "raw":
        return mel.numpy().astype("<f4", copy=False).tobytes()
    buffer = io.BytesIO()
    np.save(buffer, mel.numpy(), allow_pickle=False)
    return buffer.getvalue()


def _read_npy(data: bytes) -> MelFile:
    start = 10 if data[6:7] == b"\x01" else 12  # the length of the header has 2 bytes, and 4 since version 2
    end = start + int.from_bytes(data[8:start], "little")
    header = _NPY_HEADER.fullmatch(data, start, end) if data.startswith(_NPY_MAGIC) else None
    try:
        if header is None or end > len(data):
            raise ValueError("unlike what numpy.save writes for a plain array")
        dtype, fortran_order = np.dtype(header[1].decode()), header[2] == b"True"
        shape = [int(size) for size in header[3].split(b",") if size.strip()]
    except (ValueError, TypeError) as error:
        raise InputError(f"npy: the header is damaged ({error}); write the array with numpy.save") from None
    array = _array(memoryview(data)[end:], dtype, shape[::-1] if fortran_order else shape, "npy")
    return MelFile(_bands_and_frames(array.T if fortran_order else array), None)


def _read_safetensors(data: bytes) -> MelFile:
    try:
        tensors = safetensors.torch.load(data)
        metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__", {})
        stated = json.loads(metadata[_SPEC_KEY]) if _SPEC_KEY in metadata else None
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError, RecursionError) as error:
        raise InputError(
            f"safetensors: cannot be read ({error}); write it with safetensors' own save"
        ) from None
    if KEY not in tensors and len(tensors) != 1:
        raise InputError(f"safetensors: expected one tensor, or one named {KEY!r}, got {len(tensors)}")
    tensor = tensors[KEY] if KEY in tensors else next(iter(tensors.values()))
    if not tensor.is_floating_point():
        raise InputError(f"safetensors: expected floating-point values, got {str(tensor.dtype)[6:]}")
    _check_not_empty(tensor.shape, "safetensors")
    return MelFile(_bands_and_frames(tensor.float().numpy()), _stated_spec(stated))


def _read_json(data: bytes) -> MelFile:
    try:
        document = MelDocument.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(
            f"JSON: {place + ': ' if place else ''}{first['msg']}; "
            f'expected {{"mel": [[…], …], "mel_spec": …}}, one row a band'
        ) from None
    lengths = {len(row) for row in document.mel}
    if len(lengths) > 1:
        raise InputError(f"JSON: the rows of mel differ in length ({min(lengths)} to {max(lengths)} frames)")
    _check_not_empty([len(document.mel), *lengths], "JSON")
    return MelFile(_bands_and_frames(np.array(document.mel, np.float64)), _stated_spec(document.mel_spec))


def _array(data: bytes | memoryview, dtype: np.dtype, shape: Sequence[int], name: str) -> np.ndarray:
    if dtype.kind != "f" or dtype.itemsize > 8:
        raise InputError(f"{name}: expected float16, float32 or float64 values, got {dtype}")
    _check_not_empty(shape, name)
    if min(shape, default=-1) < 0 or math.prod(shape) * dtype.itemsize != len(data):
        raise InputError(
            f"{name}: shape {list(shape)} of {dtype} values does not fit the {len(data)} bytes that came"
        )
    return np.frombuffer(data, dtype).reshape(shape)


def _check_not_empty(shape: Sequence[int], name: str) -> None:
    if 0 in shape:
        raise InputError(f"{name}: the mel is empty, its shape is {list(shape)}; give at least one frame")


def _bands_and_frames(array: np.ndarray) -> Float[Tensor, "mel frame"]:
    if array.ndim == 3 and len(array) == 1:
        array = array[0]
    if array.ndim != 2:
        raise InputError(f"mel: expected two axes, bands x frames, got shape {list(array.shape)}")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused as such
        return torch.from_numpy(np.array(array, np.float32, order="C"))


def _named(spec: MelSpec) -> str | dict[str, Any]:
    name = dialect_of(spec) if spec.mean is None else None
    return name or spec.model_dump(exclude_defaults=True)


def _stated_spec(value: Any) -> MelSpec | None:
    return None if value is None else mel_spec(value)
