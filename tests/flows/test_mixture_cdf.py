from pathlib import Path

import numpy as np
import pytest
import torch

from vocoder.flows.mixture_cdf import MixtureCDF

GOLDEN = Path(__file__).parents[1] / "golden" / "6_flows" / "mixture_logistic_cdf_mpmath.npz"
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-14}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCE)


@pytest.fixture(scope="module")
def golden():
    """Computed with 50 digits; logits of the CDF from −28 to 26."""
    return {name: torch.from_numpy(values) for name, values in np.load(GOLDEN).items()}


def mixture_parameters(golden, dtype):
    return torch.cat([golden["mix_logits"], golden["means"], golden["log_scales"]], dim=1).to(dtype)


def parameters(golden, dtype):
    affine = torch.stack([golden["scale_log_a"], golden["shift_b"]], dim=1).to(dtype)
    return torch.cat([mixture_parameters(golden, dtype), affine], dim=1)


def relative_error(value, expected):
    return ((value - expected).abs() / (1 + expected.abs())).max().item()


@DTYPES
def test_value_and_log_derivative_are_exact_in_the_tails(golden, dtype):
    z, log_slope = MixtureCDF(4, spread=0.0).to_noise(golden["x"].to(dtype), parameters(golden, dtype))
    assert relative_error(z, golden["flowpp_y"]) < TOLERANCE[dtype]
    assert relative_error(log_slope, golden["flowpp_logdet"]) < TOLERANCE[dtype]


@DTYPES
def test_inverse_is_exact_in_the_tails(golden, dtype):
    without_affine = torch.nn.functional.pad(mixture_parameters(golden, dtype), (0, 2))
    x, _ = MixtureCDF(4, spread=0.0).to_data(golden["inverse_target_logit"].to(dtype), without_affine)
    assert relative_error(x, golden["inverse_x"]) < TOLERANCE[dtype]


def test_inverse_reaches_far_beyond_the_components():
    torch.manual_seed(0)
    z = torch.tensor([-1e4, -300.0, 300.0, 1e4], dtype=torch.float64)
    drawn = torch.randn(4, 14, dtype=torch.float64)
    x, log_slope = MixtureCDF(4, spread=0.0).to_data(z, drawn)
    back, back_slope = MixtureCDF(4, spread=0.0).to_noise(x, drawn)
    assert relative_error(back, z) < 1e-14
    assert relative_error(-back_slope, log_slope) < 1e-12


def test_the_inverse_passes_gradients_to_noise_and_parameters(golden):
    inputs = [golden["inverse_target_logit"][:2].clone(), parameters(golden, torch.float64)[:2]]
    for value in inputs:
        value.requires_grad_()
    assert torch.autograd.gradcheck(MixtureCDF(4, spread=0.0).to_data, inputs, atol=1e-5, rtol=1e-5)


def test_parameters_in_half_precision_are_widened():
    torch.manual_seed(0)
    x, drawn = torch.randn(50), torch.randn(50, 14).bfloat16()
    z, log_slope = MixtureCDF(4).to_noise(x, drawn)
    torch.testing.assert_close((z, log_slope), MixtureCDF(4).to_noise(x, drawn.float()), rtol=0, atol=0)
    torch.testing.assert_close(MixtureCDF(4).to_data(z, drawn)[0], x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("learned", [False, True])
def test_a_root_on_a_plateau_is_finite(learned):
    """Between two narrow components the density is lost in rounding."""
    apart = torch.tensor([[0.0, 0, -1, 1, -7, -7, 0, 0]], requires_grad=learned)
    x, log_slope = MixtureCDF(2, spread=0.0).to_data(torch.zeros(1), apart)
    assert x.abs().item() < 1
    assert log_slope.isfinite().all()


def test_one_component_is_affine():
    x = torch.linspace(-30, 30, 7, dtype=torch.float64)
    mean, log_scale = 0.4, -0.7
    z, log_slope = MixtureCDF(1).to_noise(x, torch.tensor([[0.0, mean, log_scale, 0, 0]] * 7, dtype=x.dtype))
    assert torch.allclose(z, (x - mean) * np.exp(-log_scale), rtol=1e-13)
    assert torch.allclose(log_slope, torch.full_like(x, -log_scale), rtol=1e-13)


def test_scales_have_a_floor():
    narrow, floor = torch.tensor([[0.0, 0, -50, 0, 0]]), torch.tensor([[0.0, 0, -7, 0, 0]])
    x = torch.tensor([0.01])
    assert torch.equal(MixtureCDF(1).to_noise(x, narrow)[0], MixtureCDF(1).to_noise(x, floor)[0])


def test_a_conditioner_that_starts_at_zero_can_tell_the_components_apart():
    zero = torch.zeros(64, 3 * 4 + 2, requires_grad=True)
    z, log_slope = MixtureCDF(4).to_noise(torch.randn(64), zero)
    (0.5 * z.square() - log_slope).mean().backward()
    gradients = zero.grad.sum(0)[:12].view(3, 4)
    assert (gradients.diff(dim=1).abs() > 1e-4).all()
