import pytest
import torch

from vocoder.flows.batchnorm import BatchNorm
from vocoder.flows.coupling import SplitCoupling
from vocoder.flows.rnvp import RealNVP
from vocoder.networks.convnet import ConvNet


def make_network(in_channels, out_channels):
    return ConvNet(in_channels, out_channels, hidden=4)


@pytest.mark.parametrize(("num_scales", "num_couplings"), [(1, 4), (2, 10), (3, 16)])
def test_couplings_of_each_scale(num_scales, num_couplings):
    parts = list(RealNVP(1, make_network, num_scales=num_scales).modules())
    assert sum(isinstance(part, SplitCoupling) for part in parts) == num_couplings
    assert sum(isinstance(part, BatchNorm) for part in parts) == num_couplings


def test_every_pixel_is_moved():
    """Also those that leave early without a prior."""
    flow = RealNVP(1, make_network, num_scales=2)
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    x = torch.randn(1, 1, 8, 8)
    jacobian = torch.autograd.functional.jacobian(lambda x: flow.eval().to_noise(x)[0], x).view(64, 64)
    assert ((jacobian != 0).sum(1) > 1).all()
