"""Recordings that ship with the package; README.md states their source and licence."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_FOLDER = Path(__file__).parent

SAMPLES: Mapping[str, Path] = MappingProxyType({path.stem: path for path in sorted(_FOLDER.glob("*.flac"))})
DEFAULT_SAMPLE = "LJ002-0171"
TRANSCRIPTS: Mapping[str, str] = MappingProxyType(
    {
        "LJ002-0171": "The boy declared he saw no one, and accordingly passed through "
        "without paying the toll of a penny.",
        "LJ050-0273": "The Commission has, however, from its examination of the facts "
        "of President Kennedy's assassination",
    }
)
