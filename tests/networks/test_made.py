"""Masks, orders, the one-pass sampler and the conditionals of MADE."""

import pytest
import torch

from vocoder.errors import InputError
from vocoder.flows import MAF
from vocoder.networks.density import AutoregressiveDensity, bernoulli, gaussian, logistic_mixture
from vocoder.networks.made import MADE

OPTIONS = [
    {},
    {"order": "random"},
    {"residual": True, "num_layers": 2},
    {"context_features": 3, "order": "random", "num_layers": 2},
    {"hidden": 3},
]


def randomized(made: MADE) -> MADE:
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made.double()


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("options", OPTIONS)
def test_each_parameter_sees_all_that_comes_before_and_nothing_else(options):
    made = randomized(MADE(6, 2, **{"hidden": 32} | options))
    context = torch.randn(1, 3).double() if "context_features" in options else None
    x = torch.randn(1, 6).double()
    jacobian = torch.autograd.functional.jacobian(lambda x: made(x, context)[0], x)[:, 0]
    seen = jacobian.view(2, 6, 6) != 0
    before = made.rank[:, None] > made.rank
    assert not (seen & ~before).any()
    if made.degree.shape[0] >= 6:
        # what a dead ReLU hides from one parameter, another shows
        assert (seen.any(0) == before).double().mean() > 0.9


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("num_features", [1, 2, 7])
def test_sampling_unit_by_unit_is_sampling_pass_by_pass(options, num_features):
    made = randomized(MADE(num_features, 2, **{"hidden": 16} | options))
    context = torch.randn(5, 3).double() if "context_features" in options else None
    flow, z = MAF(made), torch.randn(5, num_features).double()
    by_pass = flow.to_data(z, context)
    with torch.no_grad():
        by_unit = flow.to_data(z, context)
    torch.testing.assert_close(by_unit, by_pass, rtol=1e-12, atol=1e-12)


def test_context_reaches_the_first_feature():
    made = randomized(MADE(3, 1, context_features=2))
    x = torch.zeros(1, 3).double()
    here, there = (made(x, torch.full((1, 2), value).double()) for value in (-1.0, 1.0))
    assert (here != there).all()


def test_order_is_saved_and_restored():
    made, other = MADE(8, order="random"), MADE(8, order="random")
    assert not torch.equal(made.rank, other.rank)
    other.load_state_dict(made.state_dict())
    assert torch.equal(made.rank, other.rank)
    assert torch.equal(made.first.mask, other.first.mask)
    assert torch.equal(made.last.mask, other.last.mask)


def test_given_order_is_kept():
    made = MADE(3, order=[2, 0, 1])
    assert [step for (step,) in made.steps(torch.Size([1, 3]))] == [2, 0, 1]


@pytest.mark.parametrize("order", ["backwards", [0, 1, 1], [0, 1]])
def test_impossible_order_is_refused(order):
    with pytest.raises(InputError, match="hold each of 0 … 2 once"):
        MADE(3, order=order)


def test_gaussian_density_is_that_of_the_flow():
    made = randomized(MADE(4))
    x = torch.randn(7, 4).double()
    z, log_det = MAF(made).to_noise(x)
    expected = torch.distributions.Normal(0, 1).log_prob(z).sum(1) + log_det
    torch.testing.assert_close(AutoregressiveDensity(made, gaussian).log_prob(x), expected)


@torch.no_grad()
def test_bernoulli_probabilities_of_all_vectors_sum_to_one():
    density = AutoregressiveDensity(randomized(MADE(4, 1, order="random")), bernoulli)
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0]).double()] * 4)
    assert float(density.log_prob(every).exp().sum()) == pytest.approx(1, abs=1e-12)


def test_bernoulli_samples_follow_the_probabilities():
    density = AutoregressiveDensity(randomized(MADE(3, 1)), bernoulli)
    drawn = density.sample(torch.zeros(20_000, 3).double())
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0]).double()] * 3)
    frequency = (drawn[:, None] == every).all(2).double().mean(0)
    torch.testing.assert_close(frequency, density.log_prob(every).exp(), rtol=0, atol=0.015)


@torch.no_grad()
def test_logistic_mixture_conditional_integrates_to_one():
    density = AutoregressiveDensity(randomized(MADE(2, 9, hidden=4)), logistic_mixture)
    axis = torch.linspace(-60, 60, 24_001, dtype=torch.float64)
    for first in (-2.0, 0.3):
        x = torch.stack([torch.full_like(axis, first), axis], dim=1)
        second = density.log_prob(x) - density.conditionals(x).log_prob(x)[:, 0]
        assert float(second.exp().sum() * (axis[1] - axis[0])) == pytest.approx(1, abs=1e-6)
    assert density.sample(torch.zeros(5, 2).double()).shape == (5, 2)


def test_missing_and_unexpected_contexts_are_refused():
    with pytest.raises(InputError, match="context of 3 channels, got none"):
        MADE(2, context_features=3)(torch.zeros(1, 2))
    with pytest.raises(InputError, match="context of 0 channels, got 3"):
        MADE(2)(torch.zeros(1, 2), torch.zeros(1, 3))


def test_conditioner_with_other_parameters_than_the_map_is_refused():
    with pytest.raises(InputError, match=r"2 parameters an element, shape \[1, 4\], got \[1, 6\]"):
        MAF(MADE(2, num_parameters=3)).to_noise(torch.zeros(1, 2))
