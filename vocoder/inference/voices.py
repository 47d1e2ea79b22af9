"""The installed voices, each loaded and warmed once, by many threads; swapped while others speak."""

import logging
import threading
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from vocoder.checkpoints import DEFAULT_VOICE, CheckpointInfo, load, read_info, voice_paths
from vocoder.device import usable_device
from vocoder.errors import ConfigError, UnknownVoice
from vocoder.inference.streaming import FIRST_FRAMES, LARGEST_FRAMES, block_sizes
from vocoder.mel import MelSpec
from vocoder.models import Vocoder

logger = logging.getLogger(__name__)


Version = tuple[Path, int]


class Facts(NamedTuple):
    """What is said of a voice, also while it is not in memory."""

    mel_spec: MelSpec
    lookahead_frames: int
    temperature: float
    parameters: int

    @classmethod
    def of(cls, voice: Vocoder) -> "Facts":
        return cls(voice.mel_spec, voice.lookahead_frames, voice.temperature, voice.num_parameters())


class _Loaded(NamedTuple):
    version: Version
    voice: Vocoder


class Voices:
    """Voices by name, as `voice_paths` finds them now: a file that is added, replaced or removed is noticed.

    Whoever speaks with a voice holds it; taking it out of here never cuts him short. While a new version is
    loaded, the one before serves. A name is never a path here, so it may come from a stranger. `ConfigError`:
    there is no such device, or no voice of the name that was chosen as the default.
    """

    def __init__(self, *, device: str = "cpu", default: str = DEFAULT_VOICE) -> None:
        self._device = usable_device(device)
        self._default = default
        self._loaded: dict[str, _Loaded] = {}
        self._facts: dict[str, tuple[Version, Facts]] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        if default not in (DEFAULT_VOICE, *self.names()):
            raise ConfigError(
                f"default_voice {default!r} is not installed; choose from {', '.join(self.names())}"
            )

    def names(self) -> list[str]:
        return list(self._installed())

    def default(self) -> str:
        """The voice of those who name none; raises `UnknownVoice` where none is installed."""
        names = self.names()
        if not names:
            raise UnknownVoice("no voice is installed: put checkpoints into a folder of $VOCODER_VOICES")
        return self._default if self._default in names else names[0]

    def info(self, name: str) -> CheckpointInfo:
        """What the checkpoint says of itself; raises `UnknownVoice` or `CheckpointError`."""
        return read_info(self._path(name))

    def facts(self, name: str) -> Facts:
        """What the voice is; it is loaded if it never was. Raises `UnknownVoice` or `CheckpointError`."""
        if not self.knows(name):
            self.get(name)
        return self._facts[name][1]

    def knows(self, *names: str) -> bool:
        """Whether `facts` can be told of each without loading it; raises `UnknownVoice`."""
        return all(
            name in self._facts and self._facts[name][0] == _version(self._path(name)) for name in names
        )

    def ready(self, name: str) -> Vocoder | None:
        """The voice if its newest version is in memory; raises `UnknownVoice`."""
        version, held = _version(self._path(name)), self._loaded.get(name)
        return held.voice if held and held.version == version else None

    def get(self, name: str) -> Vocoder:
        """The voice, ready to run; raises `UnknownVoice` or `CheckpointError`.

        The first to find a new version loads it; the others go on with the one before until it is warm.
        """
        if (voice := self.ready(name)) is not None:
            return voice
        path = self._path(name)
        version, held = _version(path), self._loaded.get(name)
        lock = self._locks[name]
        if not lock.acquire(blocking=held is None):
            return held.voice  # type: ignore[union-attr] # not acquired: there was one to serve meanwhile
        try:
            held = self._loaded.get(name)
            if held is None or held.version != version:
                held = self._loaded[name] = _Loaded(version, self._load(path, held))
                self._facts[name] = version, Facts.of(held.voice)
            return held.voice
        finally:
            lock.release()

    def unload(self, name: str) -> None:
        """Free the voice once nobody speaks with it; asked for again, it is loaded again.

        Raises:
            UnknownVoice: it is not installed, and was not.
        """
        if self._loaded.pop(name, None) is None:
            self._path(name)
        else:
            logger.info("voice %s is unloaded", name)

    def has_default(self) -> bool:
        """Whether those who name no voice are served at once."""
        names = self.names()
        return bool(names) and self.default() in self._loaded

    def loaded(self) -> list[str]:
        return [name for name in self.names() if name in self._loaded]

    def load_all(self) -> None:
        """Load and warm every voice that is new or has changed, let go of those whose files are gone.

        One that fails is logged and left out, whatever the reason.
        """
        for name in self.names():
            try:
                self.get(name)
            except Exception:
                logger.exception("voice %s is left out", name)

    def _load(self, path: Path, before: _Loaded | None) -> Vocoder:
        """The voice in that file, warm; the one `before` where the new one cannot be used."""
        try:
            voice = load(path, device=self._device)
            warm(voice)
        except Exception:
            if before is None:
                raise
            logger.exception("voice %s stays as it was: its new checkpoint cannot be used", path.stem)
            return before.voice
        logger.info("voice %s is loaded and warm", path.stem)
        return voice

    def _path(self, name: str) -> Path:
        paths = self._installed()
        if name not in paths:
            raise UnknownVoice(f"no voice {name!r}; installed: {', '.join(paths) or 'none'}")
        return paths[name]

    def _installed(self) -> dict[str, Path]:
        """The files by name, now; a voice whose file is gone is let go."""
        paths = voice_paths()
        for name in list(self._loaded):
            if name not in paths:
                self._loaded.pop(name, None)
        return paths


def warm(voice: Vocoder) -> None:
    """Run blocks of every size once, so that the first request does not pay for set-up."""
    frames = voice.lookahead_frames + FIRST_FRAMES + 2 * LARGEST_FRAMES
    voice.warm_up(block_sizes(frames, voice.lookahead_frames))


def _version(path: Path) -> Version:
    try:
        return path, path.stat().st_mtime_ns
    except FileNotFoundError:
        raise UnknownVoice(f"voice {path.stem!r} has just been removed") from None
