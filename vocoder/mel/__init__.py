"""Mel-spectrograms: their parameters, the one analysis, the dialects and what lies between them."""

from vocoder.mel.compression import compress, expand, silence
from vocoder.mel.conversion import check_convertible, convert, obstacles
from vocoder.mel.dialects import ALIASES, DIALECTS, dialect, dialect_of, mel_spec
from vocoder.mel.estimation import Estimator, estimate
from vocoder.mel.filterbank import mel_filterbank, mel_frequencies
from vocoder.mel.frame_times import frames_lasting
from vocoder.mel.frontend import MelFrontend
from vocoder.mel.plausibility import check_plausible, surely_plausible
from vocoder.mel.spec import MelSpec
from vocoder.mel.streaming import StreamingMel

__all__ = [
    "ALIASES",
    "DIALECTS",
    "Estimator",
    "MelFrontend",
    "MelSpec",
    "StreamingMel",
    "check_convertible",
    "check_plausible",
    "compress",
    "convert",
    "dialect",
    "dialect_of",
    "estimate",
    "expand",
    "frames_lasting",
    "mel_filterbank",
    "mel_frequencies",
    "mel_spec",
    "obstacles",
    "silence",
    "surely_plausible",
]
