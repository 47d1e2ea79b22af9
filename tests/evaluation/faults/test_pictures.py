"""The picture of a detector shows its worst clips, the strongest first."""

import numpy as np
from PIL import Image

from vocoder.evaluation.faults.clicks import CLICKS, find_clicks
from vocoder.evaluation.faults.detector import Event, Found
from vocoder.evaluation.faults.pictures import sheet, worst_of
from vocoder.evaluation.faults.survey import Hearing

RATE = 22_050


def hearing(clip, *strengths):
    events = tuple(Event(1.0 + i, strength) for i, strength in enumerate(strengths))
    return Hearing(clip, "voice", 4.0, {"clicks": Found(events, float(len(events)))})


def test_the_worst_are_those_of_the_strongest_event():
    hearings = [hearing("a", 9.0), hearing("none"), hearing("b", 8.5, -20.0), hearing("c", 12.0)]
    assert [found.clip for found in worst_of(hearings, "clicks", 2)] == ["b", "c"]


def test_a_click_is_seen_beside_a_recording_without_it(heard, noise, tmp_path):
    clicked = noise.copy()
    clicked[2 * RATE] += 0.5
    pair = heard(noise, clicked)
    found = Hearing("noise", "voice", 4.0, {"clicks": find_clicks(pair)})
    file = tmp_path / "clicks.png"
    sheet(CLICKS, [found], [pair]).savefig(file, dpi=60)
    grey = np.asarray(Image.open(file).convert("L")).astype(float)
    left, right = np.array_split(grey[30:-30], 2, axis=1)
    assert np.ptp(right.mean(axis=0)[40:-20]) > 2 * np.ptp(left.mean(axis=0)[60:-20])
