"""Audio to bytes as it is made: one encoder a stream."""

import io
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import soundfile
import soxr
from jaxtyping import Float
from torch import Tensor

from vocoder.audio.files import write_blocks
from vocoder.audio.pcm import pcm16_bytes, to_pcm16, wav_header
from vocoder.errors import AudioError


class Encoder(ABC):
    """The bytes of one mono stream: what `encode` and `finish` return, concatenated, is the file.

    What was returned is never returned again nor changed later. `num_samples` is the length of the whole,
    where it is known beforehand, for the formats that state it in their header.
    """

    content_type: str

    @abstractmethod
    def __init__(self, sample_rate: int, num_samples: int | None = None) -> None: ...

    @abstractmethod
    def encode(self, audio: Float[Tensor, "sample"]) -> bytes:
        """Take the next samples, in [-1, 1]; return the bytes that are ready, perhaps none."""

    @abstractmethod
    def finish(self) -> bytes:
        """End the stream; return the bytes that were held back."""


class Pcm(Encoder):
    """Bare 16-bit little-endian samples."""

    content_type = "audio/pcm"

    def __init__(self, sample_rate: int, num_samples: int | None = None) -> None:
        self.content_type = f"audio/pcm;rate={sample_rate};channels=1;bits=16"

    def encode(self, audio: Float[Tensor, "sample"]) -> bytes:
        return pcm16_bytes(audio)

    def finish(self) -> bytes:
        return b""


class Wav(Encoder):
    """16-bit WAV; the header goes out with the first bytes."""

    content_type = "audio/wav"

    def __init__(self, sample_rate: int, num_samples: int | None = None) -> None:
        self._header = wav_header(num_samples, sample_rate)

    def encode(self, audio: Float[Tensor, "sample"]) -> bytes:
        header, self._header = self._header, b""
        return header + pcm16_bytes(audio)

    def finish(self) -> bytes:
        header, self._header = self._header, b""
        return header


class _Outlet(io.RawIOBase):
    """The file that libsndfile writes to. What it would go back to overwrite at the end is dropped."""

    def __init__(self) -> None:
        self._position = self._end = 0
        self._fresh = bytearray()

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._end}
        self._position = origin[whence] + offset
        return self._position

    def write(self, data: Any) -> int:
        size = len(data)
        if self._position == self._end:
            self._fresh += bytes(data)
            self._end += size
        self._position += size
        return size

    def take(self) -> bytes:
        taken, self._fresh = bytes(self._fresh), bytearray()
        return taken


class _Sndfile(Encoder):
    """An encoder of libsndfile's, writing 16-bit or floating-point samples as its format takes them."""

    container: ClassVar[str]
    subtype: ClassVar[str]
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self, sample_rate: int, num_samples: int | None = None) -> None:
        self._outlet = _Outlet()
        try:
            self._file = soundfile.SoundFile(
                self._outlet, "w", sample_rate, 1, self.subtype, format=self.container, **self.options
            )
        except soundfile.SoundFileError:
            raise AudioError(f"{self.container} has no {sample_rate} Hz; ask for wav or resample") from None

    def encode(self, audio: Float[Tensor, "sample"]) -> bytes:
        write_blocks(self._file, self.prepare(audio))
        return self._outlet.take()

    def finish(self) -> bytes:
        self._file.close()
        return self._outlet.take()

    def prepare(self, audio: Float[Tensor, "sample"]) -> np.ndarray:
        return audio.detach().cpu().float().numpy()


class Flac(_Sndfile):
    """16-bit FLAC in frames of 1152 samples (levels above 2 hold back 4096), lossless after `to_pcm16`.

    Without `num_samples` the header says 0, "unknown", which the format allows.
    """

    content_type = "audio/flac"
    container, subtype = "FLAC", "PCM_16"
    options: ClassVar[dict[str, Any]] = {"compression_level": 0.0}

    def __init__(self, sample_rate: int, num_samples: int | None = None) -> None:
        super().__init__(sample_rate)
        self._total: int | None = num_samples

    def prepare(self, audio: Float[Tensor, "sample"]) -> np.ndarray:
        return to_pcm16(audio).cpu().numpy()

    def encode(self, audio: Float[Tensor, "sample"]) -> bytes:
        return self._with_total(super().encode(audio))

    def finish(self) -> bytes:
        return self._with_total(super().finish())

    def _with_total(self, data: bytes) -> bytes:
        """Write the sample count into STREAMINFO, the first bytes: 36 bits that end 26 bytes in."""
        if not data or self._total is None:
            return data
        field = int.from_bytes(data[18:26]) | self._total
        self._total = None
        return data[:18] + field.to_bytes(8) + data[26:]


class Mp3(_Sndfile):
    """MP3 at a constant rate (about 85 kbit/s at 22.05 kHz). Starts with 1681 samples of codec delay."""

    content_type = "audio/mpeg"
    container, subtype = "MP3", "MPEG_LAYER_III"
    options: ClassVar[dict[str, Any]] = {"bitrate_mode": "CONSTANT", "compression_level": 0.5}


class Opus(_Sndfile):
    """Ogg Opus, a page about every 60 ms; resampled to the next of Opus' own rates where needed."""

    content_type = "audio/ogg; codecs=opus"
    container, subtype = "OGG", "OPUS"
    _RATES = (8000, 12000, 16000, 24000, 48000)
    _SET_PAGE_LATENCY_MS = 0x1302  # SFC_SET_OGG_PAGE_LATENCY_MS; libsndfile's default is one page a second
    _PAGE_LATENCY_MS = 50.0

    def __init__(self, sample_rate: int, num_samples: int | None = None) -> None:
        rate = next((rate for rate in self._RATES if rate >= sample_rate), self._RATES[-1])
        super().__init__(rate)
        self._resampler = soxr.ResampleStream(sample_rate, rate, 1) if rate != sample_rate else None
        latency = soundfile._ffi.new("double*", self._PAGE_LATENCY_MS)
        soundfile._snd.sf_command(self._file._file, self._SET_PAGE_LATENCY_MS, latency, 8)

    def prepare(self, audio: Float[Tensor, "sample"]) -> np.ndarray:
        samples = super().prepare(audio)
        return samples if self._resampler is None else self._resampler.resample_chunk(samples)

    def finish(self) -> bytes:
        if self._resampler is not None:
            self._file.write(self._resampler.resample_chunk(np.empty(0, np.float32), last=True))
        return super().finish()


ENCODERS: Mapping[str, type[Encoder]] = MappingProxyType(
    {"wav": Wav, "pcm": Pcm, "flac": Flac, "opus": Opus, "mp3": Mp3}
)


def encoder(name: str, sample_rate: int, num_samples: int | None = None) -> Encoder:
    """A fresh encoder of `name` for one mono stream of `num_samples` samples, None if not known yet.

    Raises:
        AudioError: an unknown name (the message lists the known ones), or a rate that the format lacks.
    """
    if name not in ENCODERS:
        raise AudioError(f"audio format {name!r} is unknown; choose one of {', '.join(ENCODERS)}")
    return ENCODERS[name](sample_rate, num_samples)
