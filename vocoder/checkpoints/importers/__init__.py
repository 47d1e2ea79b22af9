"""Checkpoints of other projects, read once and kept in this project's format."""

from vocoder.checkpoints.importers.waveglow import import_waveglow
from vocoder.checkpoints.importers.wavenet import import_wavenet

__all__ = ["import_waveglow", "import_wavenet"]
