"""What the pitch reader is measured by: where nothing held out is voiced, F0 has no error, not a NaN."""

import math

import numpy as np
import pytest
import torch

from training.data.segments import Batch, Clip, SegmentConfig, Segments
from training.recipes.pitch import PitchTask
from vocoder.mel import DIALECTS
from vocoder.networks.pitch import PitchNetwork


@pytest.mark.parametrize("voiced", [False, True])
def test_figures_are_of_what_is_there(voiced: bool) -> None:
    torch.manual_seed(0)
    network = PitchNetwork(80, hidden=6, layers=2, lookahead=1)
    clip = Clip("anna", np.zeros(9999, np.int16))
    segments = Segments([clip], DIALECTS["nvidia"], SegmentConfig(), balance=0.5, left=2, right=2)
    f0 = torch.full((2, 24), 200.0)
    held_out = Batch(torch.zeros(2, 4096), torch.randn(2, 80, 24), f0, torch.full_like(f0, float(voiced)))
    figures = PitchTask(network, segments, held_out, 0).evaluate()
    assert all(math.isfinite(figure) for figure in figures.values())
    assert {"valid_frequency", "valid_voicing"} <= figures.keys()
    assert {"valid_median_cents", "valid_off_by_50_cents"} <= figures.keys() or not voiced
