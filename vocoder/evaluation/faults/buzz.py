"""Buzz: periodicity in unvoiced sounds, where the recording has none."""

import numpy as np
from scipy.ndimage import maximum_filter1d

from vocoder.evaluation.faults.detector import (
    PERIODICITY_CENTRE,
    Detector,
    Found,
    Heard,
    found_in_frames,
    frame_levels,
)

UNVOICED = 0.35
"""Of noise the periodicity is 0.1 to 0.2, of a hoarse vowel 0.5."""
SOUNDING_DB = -45.0
"""Of the recording's loud frames: what is quieter is a pause, and its hum the business of `tones`."""
THRESHOLD = 0.3
"""More periodicity than the recording's: three times what chance adds to noise."""
SHORTEST = 6
"""Frames of 5 ms: below 30 ms a transition only came early or late."""
SLACK = 3
"""Frames to each side whose highest periodicity counts as the recording's: voicing may start 15 ms off."""


def find_buzz(heard: Heard) -> Found:
    """Stretches of 30 ms or more, unvoiced in the recording, whose periodicity is higher by 0.3.

    Strength: how much, on average. Rate: share of the recording's unvoiced frames; NaN where it has none.
    """
    reference, generated = heard.periodicities
    levels = frame_levels(
        heard.pair.reference, heard.pair.sample_rate, 2 * PERIODICITY_CENTRE, len(reference)
    )
    around = maximum_filter1d(reference, 2 * SLACK + 1)
    unvoiced = (around < UNVOICED) & (levels > np.quantile(levels, 0.95) + SOUNDING_DB)
    excess = generated - around
    faulty = unvoiced & (excess >= THRESHOLD)
    return found_in_frames(faulty, excess, unvoiced, shortest=SHORTEST, first=PERIODICITY_CENTRE)


BUZZ = Detector(
    "buzz",
    "buzz in unvoiced sounds",
    "",
    "unvoiced frames",
    "a share of the sound repeats every period where the recording is noise",
    find_buzz,
)
