"""16-bit PCM and the WAV header."""

import struct

import torch
from jaxtyping import Float, Int16
from torch import Tensor

UNKNOWN_LENGTH = 0xFFFFFFFF
_HEADER_AFTER_RIFF_SIZE = 36


def to_pcm16(audio: Float[Tensor, "*batch sample"]) -> Int16[Tensor, "*batch sample"]:
    """Audio in [-1, 1] to 16-bit integers: times 32768, rounded half to even, clipped; no dither.

    So that integers read back (divided by 32768) are kept exactly; full scale +1 becomes 32767.
    """
    return (audio.detach().float() * 32768).round().clamp(-32768, 32767).to(torch.int16)


def pcm16_bytes(audio: Float[Tensor, "sample"]) -> bytes:
    """Little-endian 16-bit PCM."""
    return to_pcm16(audio).cpu().numpy().astype("<i2", copy=False).tobytes()


def wav_header(num_samples: int | None, sample_rate: int, *, channels: int = 1) -> bytes:
    """The 44 bytes before 16-bit PCM in a WAV file.

    `num_samples` (a channel) gives the true sizes; None, or more than 4 GiB holds, gives 0xFFFFFFFF, which
    players take as "until the stream ends".
    """
    block = 2 * channels
    data_size = UNKNOWN_LENGTH if num_samples is None else num_samples * block
    riff_size = data_size + _HEADER_AFTER_RIFF_SIZE
    if riff_size > UNKNOWN_LENGTH:
        data_size = riff_size = UNKNOWN_LENGTH
    fmt = struct.pack("<IHHIIHH", 16, 1, channels, sample_rate, sample_rate * block, block, 16)
    return b"RIFF" + struct.pack("<I", riff_size) + b"WAVEfmt " + fmt + b"data" + struct.pack("<I", data_size)
