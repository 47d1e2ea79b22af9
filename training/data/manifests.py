"""Which recordings: folders with a list of files each, and who speaks in them."""

import hashlib
from contextlib import suppress
from pathlib import Path

from pydantic import Field

from vocoder.config import Config
from vocoder.errors import ConfigError

SUFFIXES = ("", ".flac", ".wav", ".ogg")


class Source(Config):
    """Recordings of one folder below the data root, named by a list: one file (suffix optional) a line.

    The speaker of a file is `speaker`, or what stands before the first underscore of its name.
    """

    folder: str
    list: str
    speaker: str | None = None


class DataConfig(Config):
    root: Path = Field(description="folder that holds the sources' folders")
    sources: list[Source] = Field(min_length=1)
    exclude_speakers: list[str] = Field(default=[], description="kept out of training, to be unseen speakers")
    min_sample_rate: int = Field(
        default=22050, description="recordings below are left out: they lack the top band"
    )
    speaker_balance: float = Field(
        default=0.5, ge=0, le=1, description="0 draws by duration, 1 every speaker equally often"
    )
    level_db: float = Field(default=-26.0, lt=0, description="active level of every speaker, dBFS")
    cache: Path = Field(default=Path("runs/cache"), description="for F0 tracks")
    minutes: float | None = Field(
        default=None, gt=0, description="of speech to train on, drawn from all that is not held out"
    )
    held_out_speakers: list[str] = Field(
        default=[], description="of whom clips are held out; all others' train [default: of everyone]"
    )


class Recording(Config):
    path: Path
    speaker: str


def find_recordings(config: DataConfig) -> list[Recording]:
    """The recordings that the configuration names, in order; raises `ConfigError` for any that is missing."""
    found = [recording for source in config.sources for recording in _of_source(config.root, source)]
    return [recording for recording in found if recording.speaker not in config.exclude_speakers]


def _of_source(root: Path, source: Source) -> list[Recording]:
    folder = root / source.folder
    return [
        Recording(path=_existing(folder, name), speaker=source.speaker or Path(name).stem.partition("_")[0])
        for name in listed(folder / source.list)
    ]


def listed(path: Path) -> list[str]:
    """The names in a list, separated by white space; raises `ConfigError` where there is no such text."""
    source = path.parent.name[:200]
    try:
        return path.read_text().split()
    except OSError as error:
        raise ConfigError(f"data source {source}: cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # no text, or no path
        raise ConfigError(f"data source {source}: {path.name[:200]!r} is no list: {error}") from None


def _existing(folder: Path, name: str) -> Path:
    with suppress(OSError):  # a name too long to be a file's
        for suffix in SUFFIXES:
            path = folder / f"{name}{suffix}"
            if path.is_file():
                return path
    raise ConfigError(f"data source {folder}: it lists {name[:200]}, but has no such file")


def manifest_hash(recordings: list[Recording]) -> str:
    """Twelve hexadecimal digits of the speakers, names and contents of all recordings."""
    whole = hashlib.sha256()
    for recording in recordings:
        content = hashlib.sha256(recording.path.read_bytes()).hexdigest()
        whole.update(f"{recording.speaker} {recording.path.name} {content}\n".encode())
    return whole.hexdigest()[:12]
