"""Neural vocoding with normalizing flows: mel-spectrogram in, speech out.

import vocoder

voice = vocoder.load("student")
audio = voice.synthesize(mel)              # [M, F] -> [F * hop_length]
stream = voice.open_stream()               # push frames as they come
mel = vocoder.fit_mel(mel, source, voice.mel_spec, estimate=True)   # one of another analysis
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vocoder.checkpoints import load, voice_paths
    from vocoder.inference.fitting import fit_mel

__all__ = ["fit_mel", "load", "voice_paths"]
_WHERE = {"fit_mel": "vocoder.inference.fitting"}


def __getattr__(name: str) -> Any:
    """What is asked for, imported then: `import vocoder` alone does not import torch."""
    if name == "__version__":
        from importlib.metadata import version

        return version("vocoder")
    if name in __all__:
        from importlib import import_module

        return getattr(import_module(_WHERE.get(name, "vocoder.checkpoints")), name)
    raise AttributeError(f"module 'vocoder' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__, "__version__"]
