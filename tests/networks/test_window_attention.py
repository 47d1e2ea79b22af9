"""Attention in a window: a full one with a mask, the identity at first, no reach beyond what is stated."""

import pytest
import torch

from vocoder.errors import InputError
from vocoder.networks.wavenet import WaveNet
from vocoder.networks.window_attention import WindowAttention


@pytest.fixture
def attention() -> WindowAttention:
    torch.manual_seed(0)
    module = WindowAttention(12, heads=3, reach=4).double()
    torch.nn.init.normal_(module.gate.weight, std=0.3)
    torch.nn.init.normal_(module.distance)
    return module.requires_grad_(False)


def test_it_begins_as_the_identity():
    h = torch.randn(2, 8, 11)
    assert torch.equal(WindowAttention(8, heads=2, reach=3)(h), h)


def test_it_is_full_attention_with_a_mask(attention):
    """Inside, where no zeros are attended to; torch's own attention with a bias for each distance."""
    h = torch.randn(2, 12, 30, dtype=torch.float64)
    query = attention.query(h).unflatten(1, (3, 4)).mT
    key, value = (part.unflatten(1, (3, 4)).mT for part in attention.memory(h).chunk(2, dim=1))
    away = torch.arange(30) - torch.arange(30)[:, None]
    bias = attention.distance[:, (away + 4).clamp(0, 8)].masked_fill(away.abs() > 4, -torch.inf)
    found = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    update, gate = attention.gate(found.mT.flatten(1, 2)).chunk(2, dim=1)
    expected = h + update * gate.sigmoid()
    torch.testing.assert_close(attention(h)[..., 4:-4], expected[..., 4:-4])


def test_it_reaches_as_far_as_is_stated(attention):
    h = torch.randn(1, 12, 30, dtype=torch.float64, requires_grad=True)
    attention(h)[..., 15].sum().backward()
    touched = h.grad[0].abs().sum(dim=0).nonzero().flatten()
    assert touched.tolist() == list(range(11, 20))


@pytest.mark.parametrize(
    "sizes", [{"heads": 5, "reach": 4}, {"heads": 2, "reach": 0}, {"heads": 0, "reach": 1}]
)
def test_sizes_that_cannot_be_are_named(sizes):
    with pytest.raises(InputError, match="heads that divide the 12 channels"):
        WindowAttention(12, **sizes)


def test_a_causal_network_cannot_have_it():
    with pytest.raises(InputError, match="looks ahead"):
        WaveNet(1, 1, causal=True, attention_heads=2)
