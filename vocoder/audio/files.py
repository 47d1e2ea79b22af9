"""Audio files, bytes and pipes: in as mono float32, out as WAV, FLAC and whatever else libsndfile writes."""

import io
import sys
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.audio.pcm import to_pcm16
from vocoder.audio.resampling import resample
from vocoder.errors import AudioError

Source = str | PathLike | bytes | io.IOBase

# Lossy decoders overshoot full scale a little; what is louder than this was never in [-1, 1].
_LOUDEST = 2.0
_BLOCK = 1 << 16
_UNKNOWN_FRAMES = 1 << 62
_FAILURES = (soundfile.SoundFileError, OSError, TypeError, ValueError)
_READABLE = "WAV, FLAC, Ogg Vorbis, Ogg Opus, MP3, AIFF, AU, CAF"


def read(
    source: Source, *, sample_rate: int | None = None, max_seconds: float | None = None
) -> tuple[Float[Tensor, "sample"], int]:
    """Samples in [-1, 1] and their rate in Hz, of a path, "-" (standard input), bytes or a binary file.

    Channels are averaged to one; what overshoots [-1, 1] (up to 2, as lossy codecs do) is clipped; with
    `sample_rate` the audio is resampled to it.

    Raises:
        AudioError: missing, not audio, damaged, empty, longer than `max_seconds`, not finite, or beyond 2.
    """
    name = _name(source)
    opened = _opened(source, name)
    try:
        with soundfile.SoundFile(opened) as file:
            rate, limit = file.samplerate, None if max_seconds is None else int(max_seconds * file.samplerate)
            samples = _decode(file, limit)
    except _FAILURES as error:
        raise AudioError(f"{name}: cannot be read as audio ({_reason(error)}); give {_READABLE}") from None
    if limit is not None and len(samples) > limit:
        raise AudioError(f"{name}: longer than the {max_seconds:g} s that are accepted; cut it")
    audio = _checked(samples, name)
    return (audio, rate) if sample_rate is None else (resample(audio, rate, sample_rate), sample_rate)


def write(
    target: str | PathLike | io.IOBase,
    audio: Float[Tensor, "sample"],
    sample_rate: int,
    *,
    format: str | None = None,  # noqa: A002
    subtype: str | None = None,
) -> None:
    """Write mono audio; `format` is taken from the file's suffix, and WAV for a file object.

    `subtype` is 16-bit PCM by default where the format has it ("FLOAT" keeps float32); 16-bit samples are
    rounded and clipped by `to_pcm16`.

    Raises:
        AudioError: not finite, a format or subtype that libsndfile lacks, or a path that cannot be written.
    """
    if not torch.isfinite(audio).all():
        raise AudioError("audio: contains NaN or infinity; nothing was written")
    path = Path(target) if isinstance(target, str | PathLike) else None
    kind = (format or (path.suffix[1:] if path else "") or "wav").upper()
    has_pcm16 = "PCM_16" in soundfile.available_subtypes(kind)
    subtype = subtype or ("PCM_16" if has_pcm16 else None)
    samples = audio.detach().cpu()
    data = to_pcm16(samples) if subtype == "PCM_16" else samples.float()
    try:
        with soundfile.SoundFile(path or target, "w", sample_rate, 1, subtype, format=kind) as file:
            write_blocks(file, data.numpy())
    except _FAILURES as error:
        raise AudioError(f"{path or kind}: cannot be written ({_reason(error)})") from None


def write_blocks(file: soundfile.SoundFile, samples: np.ndarray) -> None:
    """Write piece by piece: libsndfile's Vorbis encoder overflows the stack on minutes of audio at once."""
    for start in range(0, len(samples), _BLOCK):
        file.write(samples[start : start + _BLOCK])


class _Bytes(io.BytesIO):
    """Bytes as a file whose damaged header may send libsndfile before its beginning."""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self.getbuffer().nbytes}
        return super().seek(max(0, origin[whence] + offset))


def _opened(source: Source, name: str) -> Any:
    if isinstance(source, bytes):
        return _Bytes(source)
    if source == "-":
        return _Bytes(sys.stdin.buffer.read())
    if isinstance(source, str | PathLike):
        if not Path(source).is_file():
            raise AudioError(f"{name}: {'a folder, not a file' if Path(source).is_dir() else 'no such file'}")
        return str(source)
    return source if source.seekable() else _Bytes(source.read())


def _decode(file: soundfile.SoundFile, limit: int | None) -> np.ndarray:
    """Mono samples, block by block: a stream's header may not know its length, or lie about it."""
    if file.frames > _UNKNOWN_FRAMES:
        file._info.seekable = 0  # soundfile seeks after each read, which fails in FLAC of unknown length
    blocks, total = [], 0
    while limit is None or total <= limit:
        block = file.read(_BLOCK, dtype="float32", always_2d=True)
        if not len(block):
            break
        blocks.append(block.mean(axis=1, dtype=np.float32))
        total += len(block)
    return np.concatenate(blocks) if blocks else np.empty(0, np.float32)


def _checked(samples: np.ndarray, name: str) -> Tensor:
    if not len(samples):
        raise AudioError(f"{name}: holds no audio")
    peak = np.abs(samples).max()
    if not np.isfinite(peak):
        raise AudioError(f"{name}: contains NaN or infinity")
    if peak > _LOUDEST:
        raise AudioError(f"{name}: floating-point samples reach {peak:g}; scale them to [-1, 1]")
    return torch.from_numpy(samples.clip(-1, 1))


def _name(source: Source) -> str:
    if isinstance(source, bytes):
        return f"audio of {len(source)} bytes"
    if isinstance(source, str | PathLike):
        return "standard input" if source == "-" else str(source)
    return str(getattr(source, "name", None) or "audio file object")


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", error)).rstrip(".")
