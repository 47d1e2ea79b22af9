"""Breathiness: too little of a voiced sound repeats from period to period, against the recording."""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import minimum_filter1d

from vocoder.evaluation.faults.detector import (
    PERIODICITY_CENTRE,
    Detector,
    Found,
    Heard,
    found_in_frames,
)

VOICED = 0.7
"""Periodicity of the recording, 3.7 dB of harmonics over noise: less is hoarse by itself."""
THRESHOLD_DB = 6.0
"""A fourfold share of noise: changes of 1 to 2 dB are within what one speaker does from vowel to vowel."""
SHORTEST = 6  # frames: 30 ms, as for buzz
SLACK = 3  # frames to each side whose lowest periodicity counts as the recording's: 15 ms, as for buzz
CEILING = 0.99
"""20 dB: what rounding, pitch that moves and the room's echo leave to measure."""


def harmonics_to_noise(periodicity: Float[np.ndarray, "frame"]) -> Float[np.ndarray, "frame"]:
    """10 log10 of p / (1 - p), in dB (Boersma 1993, eq. 4), between -20 and 20."""
    share = np.clip(periodicity, 1 - CEILING, CEILING)
    return 10 * np.log10(share / (1 - share))


def find_breath(heard: Heard) -> Found:
    """Stretches of 30 ms or more, voiced in the recording, with 6 dB less of harmonics over noise.

    Strength: the missing dB, on average. Rate: share of the recording's voiced frames; NaN where it has none.
    """
    reference, generated = heard.periodicities
    around = minimum_filter1d(reference, 2 * SLACK + 1)
    voiced = around > VOICED
    missing = harmonics_to_noise(around) - harmonics_to_noise(generated)
    faulty = voiced & (missing >= THRESHOLD_DB)
    return found_in_frames(faulty, missing, voiced, shortest=SHORTEST, first=PERIODICITY_CENTRE)


BREATH = Detector(
    "breath",
    "breathiness",
    "dB",
    "voiced frames",
    "harmonics stand less far above the noise than in the recording, in dB",
    find_breath,
)
