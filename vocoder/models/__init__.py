"""Vocoders: compositions of flows with networks as their conditioners."""

from vocoder.models.base import Stream, Vocoder
from vocoder.models.student import Student, StudentConfig

MODELS: dict[str, tuple[type[Vocoder], type]] = {Student.kind: (Student, StudentConfig)}

__all__ = ["MODELS", "Stream", "Student", "StudentConfig", "Vocoder"]
