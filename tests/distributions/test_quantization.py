"""The PCM grid and the mu-law curve, the latter against nnmnkwii (golden/4_wavenet_vocoder)."""

from pathlib import Path

import numpy as np
import pytest
import torch

from vocoder.distributions import (
    QuantizationGrid,
    mu_law_decode,
    mu_law_dequantize,
    mu_law_encode,
    mu_law_quantize,
)
from vocoder.errors import InputError

GOLDEN = Path(__file__).parents[1] / "golden" / "4_wavenet_vocoder" / "mulaw_nnmnkwii.npz"


@pytest.fixture(scope="module")
def golden():
    return {name: torch.from_numpy(array) for name, array in np.load(GOLDEN).items()}


@pytest.mark.parametrize("mu", [255, 256])
def test_mu_law_agrees_with_nnmnkwii(golden, mu):
    x = golden["x"]
    torch.testing.assert_close(mu_law_encode(x, mu), golden[f"mulaw_mu{mu}"], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(mu_law_decode(x, mu), golden[f"inv_mulaw_mu{mu}"], rtol=1e-12, atol=1e-12)
    assert torch.equal(mu_law_quantize(x, mu), golden[f"mulaw_quantize_mu{mu}"])


@pytest.mark.parametrize("mu", [255, 256])
def test_mu_law_classes_agree_with_nnmnkwii(golden, mu):
    ours = mu_law_dequantize(torch.arange(mu + 1), mu)
    torch.testing.assert_close(ours.double(), golden[f"inv_mulaw_quantize_mu{mu}"], rtol=1e-6, atol=1e-6)


def test_mu_law_decode_inverts_encode():
    x = torch.linspace(-1, 1, 1001, dtype=torch.float64)
    torch.testing.assert_close(mu_law_decode(mu_law_encode(x)), x, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    "grid", [QuantizationGrid(16), QuantizationGrid(16, symmetric=True), QuantizationGrid(3)]
)
def test_index_inverts_centre(grid):
    index = torch.arange(grid.last + 1)
    assert torch.equal(grid.index(grid.centre(index)), index)


def test_pcm_centres_are_the_integers_over_full_scale():
    pcm = torch.arange(-32768, 32768)
    assert torch.equal(QuantizationGrid(16).centre(pcm + 32768), pcm / 32768)


def test_values_beyond_the_grid_fall_into_the_open_bins():
    assert QuantizationGrid(8).index(torch.tensor([-3.0, 3.0])).tolist() == [0, 255]


@pytest.mark.parametrize("bits", [0, 24])
def test_impossible_bit_depth_is_refused(bits):
    with pytest.raises(InputError, match=f"bits must be from 1 to 23, got {bits}"):
        QuantizationGrid(bits)


def test_a_mu_law_value_belongs_to_its_class():
    classes = torch.arange(256)
    assert torch.equal(mu_law_quantize(mu_law_dequantize(classes)), classes)
