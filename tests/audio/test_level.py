import math

import pytest
import torch

from vocoder.audio import active_level

RATE = 22050


@pytest.mark.parametrize("gain", [-30.0, -6.0, 6.0])
def test_gain_moves_the_level_by_as_much(gain, speech):
    louder = speech * 10 ** (gain / 20)
    assert active_level(louder, RATE) == pytest.approx(active_level(speech, RATE) + gain, abs=1e-3)


@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_pauses_do_not_move_it(noise, speech):
    pause = noise * torch.randn(4 * len(speech), generator=torch.Generator().manual_seed(0))
    assert active_level(torch.cat([speech, pause]), RATE) == pytest.approx(
        active_level(speech, RATE), abs=0.1
    )


def test_it_is_above_the_rms_of_the_whole(speech):
    rms = 10 * math.log10(float(speech.square().mean()))
    assert rms < active_level(speech, RATE) < rms + 6


def test_a_full_scale_square_wave_is_0_dbfs():
    assert active_level(torch.ones(RATE), RATE) == pytest.approx(0)


@pytest.mark.parametrize("length", [0, 1, 5000])
def test_digital_silence_has_no_level(length):
    assert active_level(torch.zeros(length), RATE) == -math.inf
