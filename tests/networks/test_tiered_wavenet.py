"""The WaveNet in two tiers: what each sample sees, and how it is generated."""

import pytest
import torch
from torch import Tensor

from vocoder.errors import InputError
from vocoder.networks.tiered_wavenet import TieredContext, TieredWaveNet

GROUP, STEP, LENGTH = 4, 3, 48


def make(**options) -> TieredWaveNet:
    torch.manual_seed(0)
    sizes = {
        "group": GROUP,
        "reach": 2,
        "head_kernel": 6,
        "head_channels": 5,
        "context_channels": 3,
        "context_step": STEP,
        "num_layers": 3,
        "dilation_cycle": None,
        "kernel_size": 2,
        "residual_channels": 7,
        "skip_channels": 6,
    }
    network = TieredWaveNet(2, **(sizes | options)).double()
    for layer in (network.last, network.upper.head[-1]):
        torch.nn.init.normal_(layer.weight, std=0.5)
    return network.requires_grad_(False)


def context(lag: int = 9, length: int = LENGTH) -> TieredContext:
    generator = torch.Generator().manual_seed(1)
    groups = length // GROUP
    knots = torch.randn(2, 3, groups // STEP + 1, generator=generator).double()
    return TieredContext(knots, torch.full((2, groups), lag))


def seen_by(network: TieredWaveNet, position: int, lag: int) -> list[int]:
    """The samples that the parameters at `position` depend on."""
    x = torch.randn(2, 1, LENGTH, generator=torch.Generator().manual_seed(2)).double().requires_grad_()
    network(x, context(lag))[:, :, position].sum().backward()
    return x.grad.abs().sum((0, 1)).nonzero().flatten().tolist()


@pytest.mark.parametrize("position", [0, 1, 17, 20, 47])
def test_a_sample_sees_the_past_alone(position):
    assert max(seen_by(make(), position, lag=9), default=-1) == position - 1


def test_a_sample_sees_what_lies_a_lag_before_its_group():
    """With an upper tier that does not look back: the group before, and what lies around the lag."""
    network = make(num_layers=1, head_kernel=1)
    network.upper.gates[0].weight[..., 0] = 0
    start = 40
    around = range(start - 21 - network.reach, start - 21 + GROUP + network.reach)
    assert seen_by(network, start, lag=21) == sorted({*around, *range(start - GROUP, start)})


def test_a_lag_that_would_reach_the_future_is_the_smallest_one():
    network, x = make(), torch.randn(2, 1, LENGTH).double()
    assert network.min_lag == 6
    assert torch.equal(network(x, context(lag=1)), network(x, context(lag=network.min_lag)))


def test_a_sample_sees_its_stated_receptive_field_to_within_a_group():
    network, length = make(), 144
    field = network.receptive_field(9)
    x = torch.randn(2, 1, length, generator=torch.Generator().manual_seed(2)).double().requires_grad_()
    network(x, context(9, length))[:, :, -1].sum().backward()
    seen = x.grad.abs().sum((0, 1)).nonzero().flatten()
    assert 0 <= seen.min() - (length - 1 - field) < GROUP


def test_generating_gives_a_sequence_of_which_one_pass_gives_the_same_parameters():
    network, used = make(), []

    def element(step, parameters: Tensor) -> Tensor:
        used.append(parameters[:, :, 0])
        return torch.tanh(parameters[:, 0]) + 0.1

    x = network.generate(element, torch.zeros(2, 1, LENGTH).double(), context())
    torch.testing.assert_close(torch.stack(used, dim=2), network(x, context()), rtol=1e-12, atol=1e-12)


def test_half_a_group_is_refused():
    with pytest.raises(InputError, match="a multiple of 4 samples, got 47"):
        make()(torch.zeros(2, 1, LENGTH - 1).double(), context())
