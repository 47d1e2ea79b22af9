"""A flow with its base as a torch distribution."""

import math

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from vocoder.distributions import Logistic
from vocoder.errors import InputError
from vocoder.flows import IAF, MAF, FlowDistribution, Planar, SplitCoupling
from vocoder.networks.made import MADE
from vocoder.networks.mlp import MLP


def normal(num_features: int) -> Independent:
    zeros = torch.zeros(num_features, dtype=torch.float64)
    return Independent(Normal(zeros, zeros + 1), 1)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def randomized(flow):
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return flow.double()


@torch.no_grad()
def test_density_integrates_to_one():
    density = FlowDistribution(randomized(Planar(2)), normal(2))
    axis = torch.linspace(-12, 12, 301, dtype=torch.float64)
    total = density.log_prob(torch.cartesian_prod(axis, axis)).exp().sum() * (axis[1] - axis[0]) ** 2
    assert float(total) == pytest.approx(1, abs=1e-3)


@torch.no_grad()
def test_samples_have_the_mean_of_the_density():
    density = FlowDistribution(randomized(Planar(2)), normal(2))
    axis = torch.linspace(-12, 12, 301, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    mean = (grid * density.log_prob(grid).exp()[:, None]).sum(0) * (axis[1] - axis[0]) ** 2
    torch.testing.assert_close(density.sample((40_000,)).mean(0), mean, rtol=0, atol=0.03)


@pytest.mark.parametrize("sample_shape", [(), (5,), (2, 3)])
def test_shapes_without_context(sample_shape):
    density = FlowDistribution(randomized(MAF(MADE(4))), normal(4))
    assert (density.batch_shape, density.event_shape) == ((), (4,))
    drawn = density.sample(sample_shape)
    assert drawn.shape == (*sample_shape, 4)
    assert density.log_prob(drawn).shape == sample_shape


@pytest.mark.parametrize("sample_shape", [(), (5,), (2, 3)])
def test_shapes_with_a_batch_of_contexts(sample_shape):
    flow = randomized(SplitCoupling(MLP(2, 4, context_features=3)))
    density = FlowDistribution(flow, normal(4), torch.randn(7, 3).double())
    assert density.batch_shape == (7,)
    drawn = density.sample(sample_shape)
    assert drawn.shape == (*sample_shape, 7, 4)
    assert density.log_prob(drawn).shape == (*sample_shape, 7)


def test_no_samples_are_a_shape_too():
    density = FlowDistribution(randomized(Planar(2)), normal(2))
    assert density.sample((0,)).shape == (0, 2)
    assert density.rsample((3, 0)).shape == (3, 0, 2)


def test_each_row_has_its_own_context():
    flow = randomized(SplitCoupling(MLP(2, 4, context_features=3)))
    contexts, x = torch.randn(7, 3).double(), torch.randn(5, 7, 4).double()
    together = FlowDistribution(flow, normal(4), contexts).log_prob(x)
    for i in range(7):
        alone = FlowDistribution(flow, normal(4), contexts[i : i + 1]).log_prob(x[:, i : i + 1])
        torch.testing.assert_close(together[:, i : i + 1], alone)


def test_one_x_meets_every_context():
    flow = randomized(SplitCoupling(MLP(2, 4, context_features=3)))
    density = FlowDistribution(flow, normal(4), torch.randn(7, 3).double())
    assert density.log_prob(torch.zeros(4).double()).shape == (7,)


def test_sample_and_its_density_come_from_one_pass():
    density = FlowDistribution(randomized(IAF(MADE(4))), normal(4))
    x, log_prob = density.rsample_and_log_prob((6,))
    torch.testing.assert_close(log_prob, density.log_prob(x), rtol=1e-9, atol=1e-9)


def test_rsample_carries_gradients_and_sample_does_not():
    flow = randomized(IAF(MADE(4)))
    density = FlowDistribution(flow, normal(4))
    assert density.has_rsample
    density.rsample((3,)).sum().backward()
    assert flow.flow.conditioner.last.weight.grad.abs().sum() > 0
    assert not density.sample((3,)).requires_grad


def test_training_by_rsample_finds_a_gaussian():
    """KL(flow || target) falls to zero when the flow can be the target: shift 2, deviation ½."""
    flow = IAF(MADE(1)).double()
    target = Normal(torch.tensor(2.0).double(), torch.tensor(0.5).double())
    optimizer = torch.optim.Adam(flow.parameters(), lr=0.05)
    density = FlowDistribution(flow, normal(1))
    for _ in range(150):
        x, log_prob = density.rsample_and_log_prob((64,))
        loss = (log_prob - target.log_prob(x[:, 0])).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    shift, log_scale = flow.flow.conditioner.last.bias.detach()
    learned = Normal(shift, log_scale.exp())
    assert float(kl_divergence(learned, target)) < 1e-3


def test_a_logistic_base():
    base = Independent(Logistic(torch.zeros(4).double(), torch.zeros(4).double()), 1)
    density = FlowDistribution(MAF(MADE(4)).double(), base)
    assert float(density.log_prob(torch.zeros(4).double()).detach()) == pytest.approx(4 * math.log(0.25))


def test_a_base_with_a_batch_shape_is_refused():
    with pytest.raises(InputError, match=r"batch shape \(4,\).*Independent\(base, 1\)"):
        FlowDistribution(Planar(4), Normal(torch.zeros(4), torch.ones(4)))
