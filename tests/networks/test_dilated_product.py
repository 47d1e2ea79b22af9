"""Sums of products of shifted rows are the dilated convolution, also where outputs share products."""

import pytest
import torch
from torch.nn import functional as F

from vocoder.networks.dilated_product import WIDE, DilatedProduct


@pytest.mark.parametrize("channels", [4, WIDE])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize(("rows", "dilation"), [(1, 1), (7, 1), (8, 2), (45, 4), (5, 8)])
def test_it_adds_the_convolution(channels: int, kernel_size: int, rows: int, dilation: int) -> None:
    generator = torch.Generator().manual_seed(0)
    taps = torch.randn(kernel_size, channels, 6, generator=generator, dtype=torch.float64)
    product = DilatedProduct(taps, dilation)
    x = torch.randn(2, rows + product.reach, channels, generator=generator, dtype=torch.float64)
    y = torch.randn(2, rows, 6, generator=generator, dtype=torch.float64)
    convolved = F.conv1d(x.transpose(1, 2), taps.permute(2, 1, 0), dilation=dilation).transpose(1, 2)
    expected = y + convolved
    product.add_to(y, x)
    torch.testing.assert_close(y, expected)


def test_shared_products_lose_little_in_float32() -> None:
    """Their sums cancel, but only among a few terms of one size."""
    generator = torch.Generator().manual_seed(0)
    taps = torch.randn(3, 256, 512, generator=generator) / 16
    x = torch.randn(1, 130, 256, generator=generator)
    y, exact = torch.zeros(1, 128, 512), torch.zeros(1, 128, 512, dtype=torch.float64)
    DilatedProduct(taps, 1).add_to(y, x)
    DilatedProduct(taps.double(), 1).add_to(exact, x.double())
    assert (y - exact).abs().max() < 2e-5
