"""Neural vocoding with normalizing flows: mel-spectrogram in, speech out.

import vocoder

voice = vocoder.load("student")
audio = voice.synthesize(mel)              # [M, F] -> [F * hop_length]
stream = voice.open_stream()               # push frames as they come
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vocoder.checkpoints import load, voice_paths

__all__ = ["load", "voice_paths"]


def __getattr__(name: str) -> Any:
    """`load` and `voice_paths`, imported when asked for: `import vocoder` alone does not import torch."""
    if name in __all__:
        from vocoder import checkpoints

        return getattr(checkpoints, name)
    raise AttributeError(f"module 'vocoder' has no attribute {name!r}")
