"""The installed voices, each loaded and warmed once, by many threads."""

import logging
import threading
from pathlib import Path
from typing import NamedTuple

from vocoder.checkpoints import DEFAULT_VOICE, CheckpointInfo, load_checkpoint, read_info, voice_paths
from vocoder.device import usable_device
from vocoder.errors import ConfigError, UnknownVoice
from vocoder.inference.streaming import FIRST_FRAMES, LARGEST_FRAMES, synthesize_blocks
from vocoder.mel import silence
from vocoder.models import Vocoder

logger = logging.getLogger(__name__)


class _Loaded(NamedTuple):
    version: tuple[Path, int]
    voice: Vocoder


class Voices:
    """Voices by name, as `voice_paths` finds them now: a file that is added, replaced or removed is noticed.

    A name is never a path here, so it may come from a stranger. `ConfigError`: there is no such device, or no
    voice of the name that was chosen as the default.
    """

    def __init__(self, *, device: str = "cpu", default: str = DEFAULT_VOICE) -> None:
        self._device = usable_device(device)
        self._default = default
        if default not in (DEFAULT_VOICE, *self.names()):
            raise ConfigError(
                f"default_voice {default!r} is not installed; choose from {', '.join(self.names())}"
            )
        self._loaded: dict[str, _Loaded] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        return list(voice_paths())

    def default(self) -> str:
        """The voice of those who name none; raises `UnknownVoice` where none is installed."""
        names = self.names()
        if not names:
            raise UnknownVoice("no voice is installed: put checkpoints into a folder of $VOCODER_VOICES")
        return self._default if self._default in names else names[0]

    def info(self, name: str) -> CheckpointInfo:
        """What the checkpoint says of itself; raises `UnknownVoice` or `CheckpointError`."""
        return read_info(self._path(name))

    def get(self, name: str) -> Vocoder:
        """The voice, ready to run; raises `UnknownVoice` or `CheckpointError`."""
        path = self._path(name)
        version = path, path.stat().st_mtime_ns
        if not self._holds(name, version):
            with self._lock:
                if not self._holds(name, version):
                    self._loaded[name] = _Loaded(version, self._load(path))
        return self._loaded[name].voice

    def has_default(self) -> bool:
        """Whether those who name no voice are served at once."""
        names = self.names()
        return bool(names) and self.default() in self._loaded

    def loaded(self) -> list[str]:
        return [name for name in self.names() if name in self._loaded]

    def _holds(self, name: str, version: tuple[Path, int]) -> bool:
        return name in self._loaded and self._loaded[name].version == version

    def load_all(self) -> None:
        """Load and warm every voice; one that fails is logged and left out, whatever the reason."""
        for name in self.names():
            try:
                self.get(name)
            except Exception:
                logger.exception("voice %s is left out", name)

    def _load(self, path: Path) -> Vocoder:
        voice = load_checkpoint(path, device=self._device)
        warm(voice)
        logger.info("voice %s is loaded and warm", path.stem)
        return voice

    def _path(self, name: str) -> Path:
        paths = voice_paths()
        if name not in paths:
            raise UnknownVoice(f"no voice {name!r}; installed: {', '.join(paths) or 'none'}")
        return paths[name]


def warm(voice: Vocoder) -> None:
    """Run blocks of every size once, so that the first request does not pay for set-up."""
    frames = voice.lookahead_frames + FIRST_FRAMES + 2 * LARGEST_FRAMES
    for _ in synthesize_blocks(voice, silence(voice.mel_spec, frames)):
        pass
