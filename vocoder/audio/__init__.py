"""Audio in and out: files, bytes and pipes, sample rates, levels, and streaming encoders."""

from vocoder.audio.encoders import ENCODERS, Encoder, encoder
from vocoder.audio.files import read, write
from vocoder.audio.level import active_level
from vocoder.audio.pcm import to_pcm16, wav_header
from vocoder.audio.resampling import resample

__all__ = [
    "ENCODERS",
    "Encoder",
    "active_level",
    "encoder",
    "read",
    "resample",
    "to_pcm16",
    "wav_header",
    "write",
]
