"""Voices of each kind on a GPU: they say what they say on a CPU."""

import pytest

from vocoder.audio import read
from vocoder.checkpoints import load
from vocoder.device import rounded_products
from vocoder.mel import MelFrontend
from vocoder.samples import SAMPLES

FRAMES = 60


@pytest.mark.gpu
@pytest.mark.parametrize(("name", "decibels"), [("student", 40.0), ("waveglow", 40.0), ("teacher", 20.0)])
def test_a_gpu_says_what_the_cpu_says(name: str, decibels: float) -> None:
    """The teacher hears its own rounding, sample by sample, and so departs sooner."""
    here, there = load(name), load(name, device="cuda")
    mel = MelFrontend(here.mel_spec)(read(SAMPLES["LJ050-0273"])[0])[:, 20 : 20 + FRAMES]
    wanted = here.synthesize(mel, seed=3)
    with rounded_products(tf32=False):
        made = there.synthesize(mel, seed=3).cpu()
    error = (made - wanted).square().mean() / wanted.square().mean()
    assert -10 * error.log10().item() > decibels
