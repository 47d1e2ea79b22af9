import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from vocoder.errors import NotInvertible
from vocoder.flows.invertible_conv import InvertibleConv, InvertibleConvLU, random_rotation

GOLDEN = Path(__file__).parents[1] / "golden" / "6_flows"
BOTH = pytest.mark.parametrize("kind", [InvertibleConv, InvertibleConvLU])


def golden(name, prefix):
    arrays = np.load(GOLDEN / f"{name}.npz")
    cut = len(prefix)
    return {key[cut:]: torch.from_numpy(arrays[key]) for key in arrays if key.startswith(prefix)}


def with_matrix(matrix):
    flow = InvertibleConv(len(matrix)).double()
    flow.weight.data.copy_(matrix)
    return flow


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_starts_as_a_rotation(size):
    rotation = random_rotation(size).double()
    assert torch.allclose(rotation @ rotation.T, torch.eye(size).double(), atol=1e-6)
    assert torch.allclose(torch.linalg.det(rotation), torch.tensor(1.0).double(), atol=1e-6)


@BOTH
def test_both_parametrisations_start_at_the_same_matrix(kind):
    torch.manual_seed(0)
    rotation = random_rotation(6).double()
    torch.manual_seed(0)
    assert torch.allclose(kind(6).matrix(), rotation, atol=1e-6)


def exact_determinant(matrix):
    """By elimination in rational numbers: floats are rationals."""
    rows = [[Fraction(value) for value in row] for row in matrix.tolist()]
    determinant = Fraction(1)
    while rows:
        pivot = max(rows, key=lambda row: abs(row[0]))
        determinant *= pivot[0] * (-1) ** rows.index(pivot)
        rows.remove(pivot)
        rows = [[a - row[0] / pivot[0] * b for a, b in zip(row[1:], pivot[1:], strict=True)] for row in rows]
    return determinant


@BOTH
def test_log_det_of_float32_weights_is_exact(kind):
    flow = kind(8)
    with torch.no_grad():
        for weight in flow.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    expected = math.log(abs(exact_determinant(flow.matrix())))
    assert flow.log_abs_det().item() == pytest.approx(expected, abs=1e-13)
    _, log_det = flow.to_noise(torch.randn(2, 8, 1000))
    assert log_det.tolist() == pytest.approx([1000 * expected] * 2, rel=1e-7)


@BOTH
def test_inverse_is_kept_in_evaluation_and_renewed_with_the_weights(kind):
    flow = kind(4).eval()
    x = torch.randn(3, 4, 5)
    with torch.no_grad():
        flow.to_data(x)
        kept = flow.inverse_matrix()
        assert flow.inverse_matrix() is kept
        next(flow.parameters()).add_(0.1)
        assert torch.allclose(flow.to_data(flow.to_noise(x)[0])[0], x, atol=1e-5)


@BOTH
def test_a_swap_of_the_data_is_seen_after_eval(kind):
    flow = kind(4).eval()
    x = torch.randn(3, 4, 5)
    with torch.no_grad():
        flow.to_data(x)
        for weight in flow.parameters():
            weight.data.mul_(1.5)  # leaves the version counter alone
        flow.eval()
        assert torch.allclose(flow.to_data(flow.to_noise(x)[0])[0], x, atol=1e-5)


@BOTH
def test_sampling_in_evaluation_is_differentiable_in_the_weights(kind):
    flow = kind(3).eval()
    flow.to_data(torch.randn(2, 3, 4))[0].sum().backward()
    assert all(weight.grad is not None for weight in flow.parameters())


def test_a_singular_matrix_is_reported():
    flow = with_matrix(torch.ones(3, 3).double())
    with pytest.raises(NotInvertible, match="singular"):
        flow.to_data(torch.randn(2, 3).double())


def test_agrees_with_normflows():
    case = golden("normflows", "conv1x1_")
    flow = with_matrix(case["param_W"])
    y, log_det = flow.to_data(case["x"])  # its direction runs from noise to data
    assert torch.allclose(y, case["y"], atol=1e-12, rtol=0)
    assert torch.allclose(log_det, case["logdet"].expand(5), atol=1e-12, rtol=0)


def test_lu_agrees_with_normflows():
    case = golden("normflows", "conv1x1_lu_")
    flow = InvertibleConvLU(4).double()
    names = {"permutation": "P", "sign": "sign_S", "lower": "L", "upper": "U", "log_scale": "log_S"}
    flow.load_state_dict({ours: case[f"param_{theirs}"] for ours, theirs in names.items()})
    y, log_det = flow.to_data(case["x"])
    assert torch.allclose(y, case["y"], atol=1e-12, rtol=0)
    assert torch.allclose(log_det, case["logdet"].expand(5), atol=1e-12, rtol=0)
    x, log_det = flow.to_noise(case["y"])
    assert torch.allclose(x, case["inverse_x"], atol=1e-12, rtol=0)
    assert torch.allclose(log_det, case["inverse_logdet"].expand(5), atol=1e-12, rtol=0)


def test_agrees_with_nflows_up_to_its_bias_and_permutation():
    case = golden("nflows", "conv1x1_")
    weight = case["weight"][:, case["permutation"].argsort()]
    z, log_det = with_matrix(weight).to_noise(case["x"])
    assert torch.allclose(z + case["param_bias"][:, None, None], case["y"], atol=1e-12, rtol=0)
    assert torch.allclose(log_det, case["logdet"], atol=1e-12, rtol=0)


def test_on_vectors_agrees_with_the_lu_linear_of_nflows():
    case = golden("nflows", "lulinear_")
    flow = with_matrix(case["weight"])
    z, log_det = flow.to_noise(case["x"])
    assert torch.allclose(z + case["param_bias"], case["y"], atol=1e-12, rtol=0)
    assert torch.allclose(log_det, case["logdet"], atol=1e-12, rtol=0)
    assert torch.allclose(flow.inverse_matrix(), case["weight_inverse"], atol=1e-12, rtol=0)
