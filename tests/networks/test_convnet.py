import pytest
import torch

from vocoder.errors import InputError
from vocoder.networks.convnet import ConvNet, ShallowConvNet


def test_starts_at_zero():
    assert torch.equal(ConvNet(3, 5)(torch.randn(2, 3, 4, 6)), torch.zeros(2, 5, 4, 6))


def test_the_reach_is_one_pixel_a_wide_convolution():
    net = ConvNet(1, 1, num_blocks=1)
    torch.nn.init.ones_(net.last.weight)
    x = torch.randn(1, 1, 9, 9, requires_grad=True)
    net(x)[0, 0, 4, 4].backward()
    reached = x.grad[0, 0] != 0
    assert reached[1:8, 1:8].all()
    assert reached.sum() == 49


@pytest.mark.parametrize("context_shape", [(2, 7), (2, 7, 4, 6)])
def test_reads_a_vector_or_an_image_of_context(context_shape):
    net = ConvNet(3, 5, context_channels=7)
    torch.nn.init.normal_(net.last.weight)
    x, context = torch.randn(2, 3, 4, 6), torch.randn(context_shape)
    assert not torch.allclose(net(x, context), net(x, -context))


def test_a_missing_context_is_named():
    with pytest.raises(InputError, match="context of 7 channels"):
        ConvNet(3, 5, context_channels=7)(torch.randn(2, 3, 4, 6))


def test_the_shallow_network_starts_at_zero():
    assert torch.equal(ShallowConvNet(3, 5)(torch.randn(2, 3, 4, 6)), torch.zeros(2, 5, 4, 6))


def test_the_shallow_network_refuses_a_context():
    with pytest.raises(InputError, match="made for a context of 0 channels, got 2"):
        ShallowConvNet(3, 5)(torch.randn(2, 3, 4, 6), torch.randn(2, 2))


def test_the_shallow_network_sees_two_pixels_far():
    net = ShallowConvNet(1, 1, hidden=8)
    torch.nn.init.normal_(net.layers[-1].weight)
    x = torch.randn(1, 1, 9, 9, requires_grad=True)
    net(x)[0, 0, 4, 4].backward()
    seen = x.grad[0, 0] != 0
    assert seen[2:7, 2:7].all()
    assert seen.sum() == 25
