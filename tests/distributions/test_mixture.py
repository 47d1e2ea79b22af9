"""Mixtures against 50-digit arithmetic (golden/6_flows), in float64 and in float32."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from vocoder.distributions import Gaussian, Logistic, Mixture, QuantizationGrid
from vocoder.errors import InputError

GOLDEN = Path(__file__).parents[1] / "golden" / "6_flows"


@pytest.fixture(scope="module")
def cdf_golden():
    return {
        name: torch.from_numpy(a) for name, a in np.load(GOLDEN / "mixture_logistic_cdf_mpmath.npz").items()
    }


@pytest.fixture(scope="module")
def bins_golden():
    return {name: torch.from_numpy(a) for name, a in np.load(GOLDEN / "discretised_mol_mpmath.npz").items()}


def mixture_of(golden, dtype, prefix=""):
    logits, means, log_scales = (
        golden[prefix + name].to(dtype) for name in ("mix_logits", "means", "log_scales")
    )
    return Mixture(logits, Logistic(means, log_scales))


def test_cdf_terms_equal_50_digit_arithmetic(cdf_golden):
    mixture = mixture_of(cdf_golden, torch.float64)
    terms = mixture.cdf_terms(cdf_golden["x"])
    expected = (cdf_golden["log_pdf"], cdf_golden["cdf"].log(), cdf_golden["one_minus_cdf"].log())
    torch.testing.assert_close(tuple(terms), expected, rtol=1e-12, atol=1e-12)
    logit = terms.log_cdf - terms.log_survival
    torch.testing.assert_close(logit, cdf_golden["logit_cdf"], rtol=1e-12, atol=1e-12)


def test_log_derivative_of_the_logit_equals_50_digit_arithmetic(cdf_golden):
    terms = mixture_of(cdf_golden, torch.float64).cdf_terms(cdf_golden["x"])
    ours = terms.log_prob - terms.log_cdf - terms.log_survival
    torch.testing.assert_close(ours, cdf_golden["logdet_logit"], rtol=1e-12, atol=1e-12)


def test_cdf_terms_hold_in_float32(cdf_golden):
    terms = mixture_of(cdf_golden, torch.float32).cdf_terms(cdf_golden["x"].float())
    exact = mixture_of(cdf_golden, torch.float64).cdf_terms(cdf_golden["x"])
    torch.testing.assert_close(tuple(terms), tuple(t.float() for t in exact), rtol=5e-6, atol=5e-6)


def test_cdf_terms_are_the_single_functions(cdf_golden):
    mixture, x = mixture_of(cdf_golden, torch.float64), cdf_golden["x"]
    single = (mixture.log_prob(x), mixture.log_cdf(x), mixture.log_survival(x))
    torch.testing.assert_close(tuple(mixture.cdf_terms(x)), single, rtol=0, atol=0)


@pytest.mark.parametrize("x", [-1e6, -300.0, 300.0, 1e6])
def test_tails_stay_finite_with_finite_gradients_in_float32(x):
    parameters = torch.linspace(-1, 1, 12).view(1, 12).requires_grad_()
    point = torch.tensor([x]).requires_grad_()
    terms = Mixture.from_parameters(parameters, Logistic).cdf_terms(point)
    sum(terms).sum().backward()
    assert all(term.isfinite().all() for term in terms)
    assert parameters.grad.isfinite().all()
    assert point.grad.isfinite().all()


@pytest.mark.parametrize("bits", [8, 16])
def test_bins_equal_50_digit_arithmetic(bins_golden, bits):
    mixture = mixture_of(bins_golden, torch.float64, f"bits{bits}_")
    ours = mixture.bin_log_prob(bins_golden[f"bits{bits}_bin_index"], QuantizationGrid(bits, symmetric=True))
    torch.testing.assert_close(ours, bins_golden[f"bits{bits}_log_prob"], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("bits", [8, 16])
def test_bins_hold_in_float32(bins_golden, bits):
    """Within what rounding the means and centres (to 6e-8) means in units of the narrowest scale."""
    mixture = mixture_of(bins_golden, torch.float32, f"bits{bits}_")
    ours = mixture.bin_log_prob(bins_golden[f"bits{bits}_bin_index"], QuantizationGrid(bits, symmetric=True))
    rounding = 2 * 2**-24 * bins_golden[f"bits{bits}_log_scales"].amin(dim=1).neg().exp()
    error = (ours.double() - bins_golden[f"bits{bits}_log_prob"]).abs()
    assert (error <= rounding + 1e-5).all(), error.max()


@pytest.mark.parametrize("family", [Logistic, Gaussian])
def test_bins_sum_to_one_at_16_bits_in_float32(family):
    parameters = torch.tensor([0.3, -1.0, 0.2, 0.99, -0.2, -0.9999, -9.0, -3.0, -12.0]).view(1, 9, 1)
    mixture = Mixture.from_parameters(parameters.expand(1, 9, 65536), family)
    total = mixture.bin_log_prob(torch.arange(65536)[None], QuantizationGrid(16)).double().exp().sum()
    assert float(total) == pytest.approx(1, abs=1e-4)


def test_log_scale_floor_is_kept():
    parameters = torch.tensor([0.0, 0.0, -20.0]).view(1, 3)
    assert Mixture.from_parameters(parameters, Logistic, min_log_scale=-7.0).components.log_scale.item() == -7


def test_component_follows_its_weight():
    mixture = Mixture(torch.tensor([[0.25, 0.5, 0.25]]).log(), Logistic(torch.zeros(1, 3), torch.zeros(1, 3)))
    uniform = torch.tensor([0.1, 0.24, 0.26, 0.74, 0.76, 1.0]).double()
    assert [int(mixture.choose(u[None])) for u in uniform] == [0, 0, 1, 1, 2, 2]


def test_given_noise_gives_the_component_of_the_uniform():
    means = torch.tensor([[-1.0, 1.0]])
    mixture = Mixture(torch.zeros(1, 2), Gaussian(means, torch.full((1, 2), math.log(0.5))))
    assert float(mixture.from_noise(torch.tensor([0.7]), torch.tensor([2.0]))) == pytest.approx(2.0)


@pytest.mark.parametrize("family", [Logistic, Gaussian])
def test_samples_have_the_moments_of_the_mixture(family):
    torch.manual_seed(0)
    parameters = torch.tensor([0.0, 1.0, -1.0, 2.0, -1.0, -2.0]).view(1, 6, 1)
    mixture = Mixture.from_parameters(parameters, family)
    drawn = mixture.sample((40_000,))
    assert drawn.shape == (40_000, 1, 1)
    torch.testing.assert_close(drawn.mean(0), mixture.mean, rtol=0, atol=0.03)
    torch.testing.assert_close((drawn < 0).float().mean(0), mixture.cdf(torch.zeros(1, 1)), rtol=0, atol=0.01)


def test_parameters_that_are_not_triples_are_refused():
    with pytest.raises(InputError, match="3 channels a component, got 4"):
        Mixture.from_parameters(torch.zeros(1, 4), Logistic)


def test_logits_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"got \[1, 2\] and \[1, 3\]"):
        Mixture(torch.zeros(1, 2), Logistic(torch.zeros(1, 3), torch.zeros(1, 3)))
