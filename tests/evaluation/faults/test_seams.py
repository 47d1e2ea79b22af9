import dataclasses

import numpy as np
import pytest

from vocoder.evaluation.faults import Streamed
from vocoder.evaluation.faults.seams import find_seams

RATE = 22_050
BOUNDARIES = (20_000, 40_000, 60_000, 80_000)


def streamed(heard, whole, pieces):
    return dataclasses.replace(heard(whole), streamed=Streamed(whole, pieces, BOUNDARIES))


def test_an_equal_stream_has_no_seam(heard, noise):
    found = find_seams(streamed(heard, noise, noise + 5e-5))
    assert found == ((), 0.0)


def test_a_seam_is_found_at_its_boundary_and_level(heard, noise):
    pieces = noise.copy()
    pieces[40_000] += 0.005
    found = find_seams(streamed(heard, noise, pieces))
    (event,) = found.events
    assert event.seconds == pytest.approx(40_000 / RATE, abs=0.002)
    assert event.strength == pytest.approx(-6.0, abs=0.6)
    assert found.rate == 1 / len(BOUNDARIES)


def test_a_difference_elsewhere_is_no_seam(heard, noise):
    pieces = noise.copy()
    pieces[30_000] += 0.01
    assert find_seams(streamed(heard, noise, pieces)).events == ()


def test_without_a_stream_there_is_no_rate(heard, noise):
    assert np.isnan(find_seams(heard(noise)).rate)
