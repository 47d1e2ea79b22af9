import pytest
import torch

from vocoder.errors import InputError
from vocoder.flows.elementwise import Additive
from vocoder.flows.glow import Glow, glow_step
from vocoder.flows.split import Split
from vocoder.networks.convnet import ConvNet
from vocoder.networks.mlp import MLP


def make_network(in_channels, out_channels):
    return ConvNet(in_channels, out_channels, hidden=4)


def test_half_of_the_channels_leave_at_each_level_but_the_last():
    glow = Glow(3, make_network, num_levels=3, num_steps=1)
    splits = [flow for flow in glow.modules() if isinstance(flow, Split)]
    assert [split.num_early for split in splits] == [6, 12]
    assert glow.to_noise(torch.randn(2, 3, 16, 8))[0].shape == (2, 3, 16, 8)


def test_untrained_the_first_batch_is_standardized():
    """Actnorm, a rotation, and couplings and priors that start as the identity."""
    z, _ = Glow(1, make_network).to_noise(3 * torch.randn(200, 1, 8, 8) + 5)
    assert z.mean().item() == pytest.approx(0, abs=0.01)
    assert z.std().item() == pytest.approx(1, abs=0.05)


def test_additive_steps_leave_the_volume_to_actnorm():
    step = glow_step(2, MLP, transform=Additive())
    x = torch.randn(50, 2)
    _, log_det = step.to_noise(x)
    assert torch.allclose(log_det, step.flows[0].to_noise(x)[1], atol=1e-6)


def test_an_image_that_does_not_divide_is_refused():
    with pytest.raises(InputError, match="3 height"):
        Glow(1, make_network, num_levels=2).to_noise(torch.randn(1, 1, 6, 8))
