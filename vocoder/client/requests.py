"""What is asked and what comes back, without any input or output: shared by both clients."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.arrays import as_tensor
from vocoder.errors import ConfigError, InputError, VocoderError

Mel = Float[Tensor, "..."] | Float[np.ndarray, "..."]
"""Bands × frames; see `frames_of`."""
_FULL_SCALE = 32768.0


class Refused(VocoderError, RuntimeError):
    """The server said no: `status` is HTTP's, `type` the stable name of the problem, such as busy."""

    def __init__(self, status: int, name: str, detail: str) -> None:
        super().__init__(f"{name} ({status}): {detail}")
        self.status, self.type, self.detail = status, name, detail


def trusted(url: str) -> ssl.SSLContext | bool:
    """Whom a client of `url` trusts: without TLS nobody, and no certificates are read for it."""
    return True if url.lower().startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True)
class Call:
    """A request to the server."""

    method: str
    path: str
    query: Mapping[str, Any]
    content: bytes | None = None
    media_type: str | None = None

    def arguments(self) -> dict[str, Any]:
        """For `httpx2`'s `stream`; values that are None are left to the server."""
        headers = {"Content-Type": self.media_type} if self.media_type else {}
        query = {name: value for name, value in self.query.items() if value is not None}
        return {
            "method": self.method,
            "url": self.path,
            "params": query,
            "content": self.content,
            "headers": headers,
        }


def check_options(options: Mapping[str, Any], *own: str) -> None:
    """Raise `ConfigError` for options that the client itself sets."""
    if taken := [name for name in own if name in options]:
        raise ConfigError(
            f"{', '.join(taken)}: the client sets this itself; leave it out, "
            "or take `encoded` for audio of another format"
        )


def frames_of(mel: Tensor | np.ndarray, num_mels: int | None = None) -> Float[Tensor, "mel frame"]:
    """The mel in float32 on the CPU, without a batch axis of one; a single frame may come without its axis.

    Raises:
        InputError: no floating-point numbers, another shape than bands × frames, other bands than `num_mels`.
    """
    tensor = as_tensor(mel, "mel").detach()
    shape = tuple(tensor.shape)
    if not tensor.is_floating_point():
        raise InputError(f"mel: values are {tensor.dtype}, floating-point log energies are expected")
    if tensor.dim() == 3 and shape[0] == 1:
        tensor = tensor[0]
    elif tensor.dim() == 1:
        tensor = tensor[:, None]
    if tensor.dim() != 2:
        raise InputError(f"mel: shape {shape} is not bands × frames; send one utterance at a time")
    if num_mels is not None and len(tensor) != num_mels:
        remedy = "transpose it" if tensor.shape[1] == num_mels else f"make it with {num_mels} bands"
        raise InputError(f"mel: shape {shape} has not the voice's {num_mels} bands first; {remedy}")
    return tensor.to("cpu", torch.float32)


def synthesis(mel: Mel, audio_format: str, options: Mapping[str, Any]) -> Call:
    check_options(options, "format", "shape")
    tensor = frames_of(mel)
    shape = ",".join(map(str, tensor.shape))
    body = tensor.contiguous().numpy().astype("<f4", copy=False).tobytes()
    query = {**options, "format": audio_format, "shape": shape}
    return Call("POST", "/v1/synthesize", query, body, "application/octet-stream")


def resynthesis(recording: bytes | str | Path, audio_format: str, options: Mapping[str, Any]) -> Call:
    check_options(options, "format")
    query = {**options, "format": audio_format}
    return Call("POST", "/v1/resynthesize", query, _bytes(recording), "application/octet-stream")


def analysis(recording: bytes | str | Path, options: Mapping[str, Any]) -> Call:
    check_options(options, "format")
    query = {**options, "format": "npy"}
    return Call("POST", "/v1/mel", query, _bytes(recording), "application/octet-stream")


def refusal(status: int, body: bytes) -> Refused:
    """The problem that an answer states, or what there is of one."""
    try:
        problem = httpx2.Response(status, content=body).json()
        return Refused(status, str(problem["type"]).rpartition("/")[2], str(problem["detail"]))
    except (ValueError, KeyError, TypeError):
        return Refused(status, "unknown", body[:200].decode(errors="replace") or "no reason was given")


class Samples:
    """Bytes of 16-bit PCM, cut anywhere, to samples in [-1, 1]."""

    def __init__(self) -> None:
        self._odd = b""

    def decode(self, data: bytes) -> Float[Tensor, "sample"]:
        data = self._odd + data
        whole = len(data) // 2 * 2
        self._odd = data[whole:]
        return torch.from_numpy(np.frombuffer(data[:whole], "<i2").astype(np.float32) / _FULL_SCALE)


def _bytes(recording: bytes | str | Path) -> bytes:
    if isinstance(recording, bytes):
        return recording
    try:
        return Path(recording).read_bytes()
    except OSError as error:
        raise VocoderError(f"{recording} cannot be read: {error.strerror}") from None
