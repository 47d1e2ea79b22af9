import math

import pytest
import torch

from vocoder.flows import Flow
from vocoder.flows.actnorm import ActNorm
from vocoder.flows.dequantization import UniformDequantization, VariationalDequantization


class ShiftByContext(Flow):
    """A noise flow that reads x: enough to see that the context arrives."""

    def to_noise(self, x, context=None):
        return x - context, x.new_zeros(len(x))

    def to_data(self, z, context=None):
        return z + context, z.new_zeros(len(z))


@pytest.mark.parametrize("dequantize", [UniformDequantization(), VariationalDequantization(ActNorm(3))])
def test_the_integers_remain(dequantize):
    x = torch.randint(0, 16, (50, 3, 4)).float()
    y, log_q = dequantize(x)
    assert torch.equal(y.floor(), x)
    assert log_q.shape == (50,)


@pytest.mark.parametrize("dequantize", [UniformDequantization(), VariationalDequantization(ActNorm(3))])
def test_large_integers_remain_where_the_sum_is_rounded(dequantize):
    x = torch.full((50, 3, 2000), 60_000.0)
    assert torch.equal(dequantize(x)[0].floor(), x)


@pytest.mark.parametrize("dequantize", [UniformDequantization(), VariationalDequantization(ActNorm(3))])
def test_a_generator_repeats_the_noise(dequantize):
    x = torch.zeros(5, 3)
    first, second = (dequantize(x, torch.Generator().manual_seed(7))[0] for _ in range(2))
    assert torch.equal(first, second)


def test_uniform_noise_costs_nothing():
    assert torch.equal(UniformDequantization()(torch.zeros(3, 2))[1], torch.zeros(3))


def test_the_density_of_the_learned_noise_integrates_to_one():
    y, log_q = VariationalDequantization(ActNorm(1).double())(torch.zeros(20_000, 1, dtype=torch.float64))
    order = y[:, 0].argsort()
    assert torch.trapezoid(log_q[order].exp(), y[order, 0]).item() == pytest.approx(1, abs=1e-3)


def test_the_learned_noise_reads_the_data():
    x = torch.tensor([[-4.0], [4.0]]).expand(2, 1000)
    y, _ = VariationalDequantization(ShiftByContext())(x)
    noise = (y - x).mean(1)
    assert noise[0] < 0.1
    assert noise[1] > 0.9


def test_the_bound_is_tight_where_the_noise_fits_the_density():
    """p uniform on [0, 4): P(x) = 1/4 exactly, and uniform noise reaches it."""
    y, log_q = UniformDequantization()(torch.randint(0, 4, (9, 1)).float())
    log_density = torch.where((y >= 0) & (y < 4), -math.log(4), -math.inf).sum(1)
    assert torch.equal(log_density - log_q, torch.full((9,), -math.log(4)))


def test_gradients_pass_through_the_draw():
    dequantize = VariationalDequantization(ActNorm(2).eval())
    y, log_q = dequantize(torch.zeros(4, 2))
    (y.sum() + log_q.sum()).backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in dequantize.parameters())
