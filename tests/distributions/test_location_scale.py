"""Logistic and Gaussian against scipy and against their own definitions, also far out in the tails."""

import math

import mpmath
import pytest
import torch
from scipy import stats

from vocoder.distributions import Gaussian, Logistic, QuantizationGrid

DOUBLE = torch.float64
FAMILIES = [(Logistic, stats.logistic), (Gaussian, stats.norm)]
PARAMETERS = [(0.0, 0.0), (0.3, -3.0), (-1.5, 1.2)]


def probe(loc, log_scale):
    return loc + math.exp(log_scale) * torch.linspace(-30, 30, 241, dtype=DOUBLE)


@pytest.mark.parametrize(("family", "reference"), FAMILIES)
@pytest.mark.parametrize(("loc", "log_scale"), PARAMETERS)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("log_prob", "logpdf"), ("log_cdf", "logcdf"), ("log_survival", "logsf"), ("cdf", "cdf")],
)
def test_agrees_with_scipy(family, reference, loc, log_scale, ours, theirs):
    x = probe(loc, log_scale)
    distribution = family(torch.tensor(loc, dtype=DOUBLE), torch.tensor(log_scale, dtype=DOUBLE))
    expected = getattr(reference(loc, math.exp(log_scale)), theirs)(x.numpy())
    torch.testing.assert_close(
        getattr(distribution, ours)(x), torch.from_numpy(expected), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize(("family", "reference"), FAMILIES)
def test_entropy_agrees_with_scipy(family, reference):
    ours = family(torch.tensor(0.1), torch.tensor(-2.0)).entropy()
    assert float(ours) == pytest.approx(float(reference(0.1, math.exp(-2.0)).entropy()), abs=1e-6)


@pytest.mark.parametrize(("family", "_reference"), FAMILIES)
def test_icdf_inverts_cdf(family, _reference):
    probability = torch.linspace(1e-4, 1 - 1e-4, 99, dtype=DOUBLE)
    distribution = family(torch.tensor(0.3, dtype=DOUBLE), torch.tensor(-1.0, dtype=DOUBLE))
    torch.testing.assert_close(distribution.cdf(distribution.icdf(probability)), probability)


@pytest.mark.parametrize(("family", "reference"), FAMILIES)
def test_samples_follow_the_cdf(family, reference):
    torch.manual_seed(0)
    drawn = family(torch.tensor(0.3), torch.tensor(-1.0)).sample((4000,))
    assert stats.kstest(drawn.numpy(), reference(0.3, math.exp(-1.0)).cdf).pvalue > 1e-3


@pytest.mark.parametrize(("family", "_reference"), FAMILIES)
@pytest.mark.parametrize("dtype", [DOUBLE, torch.float32])
def test_nothing_is_drawn_where_the_density_is_below_the_floor(family, _reference, dtype):
    noise = torch.linspace(-40, 40, 401, dtype=dtype)
    distribution = family(torch.tensor(0.3, dtype=dtype), torch.linspace(-9, 2, 23, dtype=dtype)[:, None])
    whole, floored = distribution.from_noise(noise), distribution.from_noise(noise, floor=0.1)
    kept = distribution.log_prob(whole) > math.log(0.1)
    assert torch.equal(floored[kept], whole[kept])
    nowhere = (distribution.log_prob(distribution.loc) < math.log(0.1)).expand_as(floored)
    assert 0 < nowhere.sum() < nowhere.numel()
    assert torch.equal(floored[nowhere], distribution.loc.expand_as(floored)[nowhere])
    moved = ~kept & ~nowhere
    at_edge = distribution.log_prob(floored)[moved]
    torch.testing.assert_close(at_edge, torch.full_like(at_edge, math.log(0.1)), rtol=0, atol=2e-3)
    assert torch.equal((floored - 0.3)[moved].sign(), noise.expand_as(floored)[moved].sign())


@pytest.mark.parametrize(("family", "_reference"), FAMILIES)
@pytest.mark.parametrize("grid", [QuantizationGrid(6), QuantizationGrid(6, symmetric=True)])
@pytest.mark.parametrize("log_scale", [-12.0, -4.0, -1.0, 3.0])
def test_bins_sum_to_one(family, _reference, grid, log_scale):
    index = torch.arange(64)
    distribution = family(torch.tensor(0.31, dtype=DOUBLE), torch.tensor(log_scale, dtype=DOUBLE))
    total = distribution.bin_log_prob(index, grid).exp().sum()
    assert float(total) == pytest.approx(1, abs=1e-12)


def gaussian_log_mass(z, half_width):
    """By the error function at 60 digits."""
    with mpmath.workdps(60):
        left, right = (mpmath.mpf(z) + sign * mpmath.mpf(half_width) for sign in (-1, 1))
        mirrored = (-right, -left) if left > 0 else (left, right)
        return float(mpmath.log(mpmath.ncdf(mirrored[1]) - mpmath.ncdf(mirrored[0])))


@pytest.mark.parametrize("half_width", [1e-30, 1e-9, 1e-4, 0.02, 0.09, 0.11, 1.0, 8.0])
def test_gaussian_bins_are_exact_in_every_branch(half_width):
    z = torch.tensor([-40.0, -9.0, -2.0, -0.3, 0.0, 0.6, 1.5, 5.0, 25.0], dtype=DOUBLE)
    expected = torch.tensor([gaussian_log_mass(v, half_width) for v in z.tolist()], dtype=DOUBLE)
    ours = Gaussian.standard_log_mass(z, torch.full_like(z, half_width))
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9)
    in_float32 = Gaussian.standard_log_mass(z.float(), torch.full_like(z, half_width).float())
    torch.testing.assert_close(in_float32, expected.float(), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("family", [Logistic, Gaussian])
@pytest.mark.parametrize("log_scale", [-16.0, -11.0, -5.0, 0.0, 6.0])
def test_bins_have_finite_gradients_in_float32(family, log_scale):
    loc = torch.tensor([-1.0, 0.1, 1.0]).requires_grad_()
    scale = torch.full((3,), log_scale).requires_grad_()
    index = torch.tensor([[0], [1], [32767], [32768], [65534], [65535]])
    log_prob = family(loc, scale).bin_log_prob(index, QuantizationGrid(16))
    log_prob.clamp(min=-1e6).sum().backward()
    assert loc.grad.isfinite().all()
    assert scale.grad.isfinite().all()


@pytest.mark.parametrize("z", [-1e6, -1e4, -300.0, -10.0, -1.0, 0.0, 5.0, 1e4])
def test_gaussian_hazard_holds_in_float32(z):
    point = torch.tensor(z).requires_grad_()
    Gaussian.standard_log_cdf(point).backward()
    exact = float(mpmath.npdf(z) / mpmath.ncdf(z))
    assert float(point.grad) == pytest.approx(exact, rel=2e-5)


@pytest.mark.parametrize("family", [Logistic, Gaussian])
def test_half_precision_parameters_are_computed_in_float32(family):
    distribution = family(torch.zeros(3, dtype=torch.bfloat16), torch.zeros(3, dtype=torch.bfloat16))
    assert distribution.log_prob(torch.ones(3)).dtype == torch.float32


@pytest.mark.parametrize("family", [Logistic, Gaussian])
def test_expands_and_wraps_as_a_torch_distribution(family):
    base = torch.distributions.Independent(family(torch.tensor(0.0), torch.tensor(0.0)).expand((4,)), 1)
    assert base.sample((7,)).shape == (7, 4)
    assert base.log_prob(torch.zeros(7, 4)).shape == (7,)
