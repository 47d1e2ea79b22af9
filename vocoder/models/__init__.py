"""Vocoders: compositions of flows with networks as their conditioners."""

from vocoder.config import Config
from vocoder.models.base import Stream, Vocoder
from vocoder.models.corrected import Corrected, corrected, uncorrected
from vocoder.models.parallel_wavenet import ParallelWaveNet, ParallelWaveNetConfig
from vocoder.models.student import Student, StudentConfig
from vocoder.models.teacher import Teacher, TeacherConfig
from vocoder.models.waveglow import WaveGlow
from vocoder.models.waveglow_config import WaveGlowConfig
from vocoder.models.wavenet import WaveNetVocoder, WaveNetVocoderConfig

MODELS: dict[str, tuple[type[Vocoder], type[Config]]] = {
    ParallelWaveNet.kind: (ParallelWaveNet, ParallelWaveNetConfig),
    Student.kind: (Student, StudentConfig),
    Teacher.kind: (Teacher, TeacherConfig),
    WaveGlow.kind: (WaveGlow, WaveGlowConfig),
    WaveNetVocoder.kind: (WaveNetVocoder, WaveNetVocoderConfig),
}

__all__ = [
    "MODELS",
    "Corrected",
    "ParallelWaveNet",
    "ParallelWaveNetConfig",
    "Stream",
    "Student",
    "StudentConfig",
    "Teacher",
    "TeacherConfig",
    "Vocoder",
    "WaveGlow",
    "WaveGlowConfig",
    "WaveNetVocoder",
    "WaveNetVocoderConfig",
    "corrected",
    "uncorrected",
]
