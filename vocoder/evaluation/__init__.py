"""Objective measures of a voice against the recording, baselines, pictures, and the run over many clips."""

from vocoder.evaluation.baselines import BASELINES, MORE_BASELINES, GriffinLim, Recording, baseline
from vocoder.evaluation.evaluate import evaluate
from vocoder.evaluation.manifest import Clip, read_manifest
from vocoder.evaluation.measures import MEASURES, Measure
from vocoder.evaluation.plots import ScoredClip, plot_comparison, plot_scores, plot_spectrogram_pair
from vocoder.evaluation.runner import Score, System, run
from vocoder.evaluation.statistics import Estimate, estimate
from vocoder.evaluation.world import World

__all__ = [
    "BASELINES",
    "MEASURES",
    "MORE_BASELINES",
    "Clip",
    "Estimate",
    "GriffinLim",
    "Measure",
    "Recording",
    "Score",
    "ScoredClip",
    "System",
    "World",
    "baseline",
    "estimate",
    "evaluate",
    "plot_comparison",
    "plot_scores",
    "plot_spectrogram_pair",
    "read_manifest",
    "run",
]
