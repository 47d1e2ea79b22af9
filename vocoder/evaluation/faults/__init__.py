"""Faults that a voice may have: a detector each, rates over many clips, pictures of the worst."""

from vocoder.evaluation.faults.breath import BREATH
from vocoder.evaluation.faults.buzz import BUZZ
from vocoder.evaluation.faults.clicks import CLICKS
from vocoder.evaluation.faults.detector import Detector, Event, Found, Heard, Streamed
from vocoder.evaluation.faults.drift import DRIFT
from vocoder.evaluation.faults.octaves import OCTAVES
from vocoder.evaluation.faults.seams import SEAMS
from vocoder.evaluation.faults.tones import TONES

DETECTORS = {d.name: d for d in (TONES, CLICKS, BUZZ, BREATH, OCTAVES, DRIFT, SEAMS)}

__all__ = ["DETECTORS", "Detector", "Event", "Found", "Heard", "Streamed"]
