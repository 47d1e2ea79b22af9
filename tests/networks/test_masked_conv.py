"""What a masked convolution and a PixelCNN see."""

import pytest
import torch

from vocoder.errors import InputError
from vocoder.networks.masked_conv import MaskedConv2d, PixelCNN

GREY = torch.zeros(1, dtype=torch.long)
COLOURS = torch.arange(3)


def test_mask_a_of_one_channel():
    mask = MaskedConv2d(GREY, GREY, 3, strict=True).mask[0, 0]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0], [0, 0, 0]]


def test_mask_b_of_one_channel():
    mask = MaskedConv2d(GREY, GREY, 3).mask[0, 0]
    assert mask.tolist() == [[1, 1, 1], [1, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("strict", "expected"),
    [(True, [[0, 0, 0], [1, 0, 0], [1, 1, 0]]), (False, [[1, 0, 0], [1, 1, 0], [1, 1, 1]])],
)
def test_colours_of_a_pixel_come_one_after_the_other(strict, expected):
    assert MaskedConv2d(COLOURS, COLOURS, 3, strict=strict).mask[:, :, 1, 1].tolist() == expected


@pytest.mark.parametrize("context_channels", [0, 2])
def test_every_parameter_sees_all_of_what_comes_before_and_nothing_else(context_channels):
    """All: a single stack of masked convolutions would have a blind spot."""
    torch.manual_seed(0)
    network = PixelCNN(2, 2, hidden=32, num_blocks=4, context_channels=context_channels).double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    context = torch.randn(1, 2).double() if context_channels else None
    x = torch.randn(1, 2, 4, 5).double()
    order = torch.empty(2, 4, 5, dtype=torch.long)
    for place, step in enumerate(network.steps(x.shape)):
        order[step] = place
    jacobian = torch.autograd.functional.jacobian(lambda x: network(x, context)[0], x)[:, :, :, 0]
    seen = (jacobian.reshape(2, 40, 40) != 0).any(0)
    before = order.view(-1, 1) > order.view(1, -1)
    assert torch.equal(seen, before)


def test_kernel_without_a_middle_is_refused():
    with pytest.raises(InputError, match="must be odd, so that there is a middle, got 4"):
        MaskedConv2d(GREY, GREY, 4)


def test_fewer_units_than_channels_are_refused():
    with pytest.raises(InputError, match="at least the number of channels, 3, got 2"):
        PixelCNN(3, hidden=2)
