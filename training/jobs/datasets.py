"""Which recordings a job may read: those below the folders that the operator names."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from training.data.manifests import DataConfig, find_recordings, listed
from vocoder.errors import ConfigError

TRAIN_LIST = "train.txt"


def dataset_values(dataset: str, roots: list[Path] | None) -> dict[str, Any]:
    """The `data` group of a recipe for one prepared folder, named relative to a root or by its whole path.

    Raises:
        ConfigError: it is not there, or lies below none of `roots` once links are followed.
    """
    for root in [Path()] if roots is None else roots:
        with suppress(OSError, ValueError):  # a name that no folder can have
            folder = (root / dataset).resolve()
            if folder.is_dir() and _inside(folder, roots):
                return prepared_values(folder)
    raise ConfigError(f"dataset: {dataset!r} is no folder below {_described(roots)}")


def prepared_values(folder: Path) -> dict[str, Any]:
    """The `data` group for what `prepare` puts into a folder, which need not be there yet."""
    return {"root": str(folder.resolve()), "sources": [{"folder": ".", "list": TRAIN_LIST}]}


def check_recordings(data: DataConfig, roots: list[Path] | None) -> None:
    """Find every recording that `data` names, links followed, below one of `roots` (None: anywhere).

    Raises:
        ConfigError: a list or a recording that is missing or lies elsewhere. Of files elsewhere nothing is
            told, not even whether they exist.
    """
    if roots is not None:
        for source in data.sources:
            _demand(data.root / source.folder / source.list, roots)
            for name in listed(data.root / source.folder / source.list):
                _demand(data.root / source.folder / name, roots)
    for recording in find_recordings(data):
        if roots is not None:
            _demand(recording.path, roots)


def _demand(path: Path, roots: list[Path]) -> None:
    try:
        inside = _inside(path.resolve(), roots)
    except (OSError, ValueError) as error:
        raise ConfigError(f"data: {str(path)[:200]!r} is no path: {error}") from None
    if not inside:
        raise ConfigError(f"data: {path} lies below none of {_described(roots)}: move the recordings there")


def _inside(path: Path, roots: list[Path] | None) -> bool:
    return roots is None or any(path.is_relative_to(root.resolve()) for root in roots)


def _described(roots: list[Path] | None) -> str:
    if roots is None:
        return "the working folder"
    return ", ".join(map(str, roots)) or "any root: the server has none"
