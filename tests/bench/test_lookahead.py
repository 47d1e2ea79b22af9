"""Errors of a bounded look-ahead: none where all is seen, and clips too short for a seam refused."""

import pytest
import torch

from vocoder.bench.lookahead import measure_lookahead
from vocoder.errors import InputError
from vocoder.mel import DIALECTS
from vocoder.models import WaveGlow, WaveGlowConfig


@pytest.fixture(scope="module")
def voice() -> WaveGlow:
    torch.manual_seed(0)
    sizes = {"flows": 4, "early_every": 2, "wavenet": {"layers": 3, "channels": 8, "skip_channels": 6}}
    model = WaveGlow(WaveGlowConfig.model_validate(sizes), DIALECTS["nvidia"])
    for step in model.steps:
        torch.nn.init.normal_(step.network.head[-1].weight, std=0.2)
    return model.eval().requires_grad_(False)


def test_less_is_lost_with_more_frames_and_nothing_with_all(voice):
    mel = 0.5 * torch.randn(80, 30, generator=torch.Generator().manual_seed(1)) - 4.0
    little, all_of_it = measure_lookahead(voice, [mel], [1, voice.lookahead_frames + 6], block=4)
    assert all_of_it.error_db < -80
    assert all_of_it.largest < 1e-4
    assert little.error_db > all_of_it.error_db
    assert little.wait_ms == pytest.approx(1000 * 5 * 256 / 22050)


def test_a_clip_without_a_seam_is_refused(voice):
    with pytest.raises(InputError, match="more than 32 frames"):
        measure_lookahead(voice, [torch.zeros(80, 32)], [1])
