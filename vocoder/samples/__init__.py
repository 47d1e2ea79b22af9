"""Recordings that ship with the package; README.md states their source and licence."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_FOLDER = Path(__file__).parent

SAMPLES: Mapping[str, Path] = MappingProxyType({path.stem: path for path in sorted(_FOLDER.glob("*.flac"))})
DEFAULT_SAMPLE = "LJ002-0171"
