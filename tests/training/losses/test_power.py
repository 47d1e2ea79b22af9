"""Power losses on signals whose powers are known."""

import pytest
import torch

from training.losses.power import PowerLoss
from training.losses.stft import PowerSpectra

RATE = 22050


def noise(seed: int, length: int = 16384) -> torch.Tensor:
    return torch.randn(2, length, generator=torch.Generator().manual_seed(seed))


def test_white_noise_has_unit_power_everywhere():
    for power in PowerSpectra()(noise(0, 65536)):
        assert power[:, 2:-2].mean() == pytest.approx(1.0, abs=0.02)
        assert power.mean(dim=(0, 2))[2:-2].std() < 0.2


@pytest.mark.parametrize("form", ["average", "frame"])
def test_equal_signals_cost_nothing_and_silence_costs_one(form):
    loss, wanted = PowerLoss(RATE, form), noise(0)
    assert loss(wanted, wanted) == 0
    assert loss(torch.zeros_like(wanted), wanted) == pytest.approx(1.0, abs=1e-4)


def test_another_draw_of_the_same_noise_costs_little_only_when_averaged():
    first, second = noise(0), noise(1)
    assert PowerLoss(RATE, "average")(first, second) < 0.2
    assert PowerLoss(RATE, "frame")(first, second) > 0.4


def test_a_whisper_costs():
    """A tenth of the amplitude is a hundredth of the power."""
    assert PowerLoss(RATE)(0.1 * noise(0), noise(0)) == pytest.approx(0.99**2, abs=1e-3)


def test_silence_has_a_finite_gradient():
    silence = torch.zeros(1, 8192, requires_grad=True)
    PowerLoss(RATE, "frame")(silence, torch.zeros(1, 8192)).backward()
    assert bool(torch.isfinite(silence.grad).all())
