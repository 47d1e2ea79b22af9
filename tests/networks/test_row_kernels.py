"""Products of a few rows, against numpy's."""

import numpy as np
import pytest

from vocoder.networks.row_kernels import add_products
from vocoder.networks.wavenet_kernels import gate


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("columns", [1, 7, 33])
@pytest.mark.parametrize("inner", [1, 4, 63, 64, 71, 130])
@pytest.mark.parametrize("rows", [1, 7, 8, 9, 24])
def test_every_size_gives_the_product(rows, inner, columns, dtype):
    generator = np.random.default_rng(rows + inner)
    x, matrix, out = (
        generator.standard_normal(shape).astype(dtype)
        for shape in ((rows, inner), (inner, columns), (rows, columns))
    )
    expected = out.astype(np.float64) + x.astype(np.float64) @ matrix.astype(np.float64)
    add_products(out, x, matrix)
    np.testing.assert_allclose(out, expected, atol=40 * np.finfo(dtype).eps * inner**0.5)


def test_a_gate_is_a_tanh_times_a_sigmoid_at_any_size():
    gated = np.concatenate([np.linspace(-30, 30, 999), np.linspace(40, -40, 999)]).astype(np.float32)
    out = np.empty(999, np.float32)
    gate(out, gated)
    a, b = np.split(gated.astype(np.float64), 2)
    np.testing.assert_allclose(out, np.tanh(a) / (1 + np.exp(-b)), atol=5e-7)
