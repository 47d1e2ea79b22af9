"""Checkpoints of other projects, read once and kept in this project's format."""

from vocoder.checkpoints.importers.waveglow import import_waveglow

__all__ = ["import_waveglow"]
