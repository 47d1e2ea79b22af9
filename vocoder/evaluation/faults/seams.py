"""Seams: a stream that differs from the same speech made whole, where one piece ends and the next begins."""

import numpy as np

from vocoder.evaluation.faults.detector import Detector, Event, Found, Heard

NEAR_SECONDS = 0.002
"""To each side of the boundary: where a discontinuity is."""
LEVEL_SECONDS = 0.02
"""To each side: the level against which it is held."""
THRESHOLD_DB = -40.0
"""Of the level there: 10 dB below what noise of the voice's own masks."""
FLOOR = 1e-4
"""A stream equals the whole within this (the contract of `Vocoder.open_stream`)."""


def find_seams(heard: Heard) -> Found:
    """Boundaries of a stream's pieces within 2 ms of which it differs from the whole by -40 dB or more.

    Strength: the largest difference there, in dB of the level (RMS) of the 20 ms to each side. Rate: share of
    the boundaries; NaN for a system that does not stream, or a clip of one piece.
    """
    streamed, rate = heard.streamed, heard.pair.sample_rate
    if streamed is None or not streamed.boundaries:
        return Found((), np.nan)
    difference = np.abs(streamed.pieces - streamed.whole)
    near, around = (round(seconds * rate) for seconds in (NEAR_SECONDS, LEVEL_SECONDS))
    events = []
    for place in streamed.boundaries:
        step = difference[max(0, place - near) : place + near].max()
        level = np.sqrt(np.mean(streamed.whole[max(0, place - around) : place + around] ** 2))
        strength = 20 * np.log10(max(step, 1e-9) / max(level, FLOOR))
        if step > FLOOR and strength >= THRESHOLD_DB:
            events.append(Event(place / rate, float(strength)))
    return Found(tuple(events), len(events) / len(streamed.boundaries))


SEAMS = Detector(
    "seams",
    "seams of a stream",
    "dB",
    "boundaries",
    "a stream differs from the whole at the boundary of two pieces, in dB of the level there",
    find_seams,
)
