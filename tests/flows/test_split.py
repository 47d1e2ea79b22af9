import pytest
import torch
from torch import nn

from vocoder.errors import InputError
from vocoder.flows import Chain, Inverse
from vocoder.flows.actnorm import ActNorm
from vocoder.flows.split import Split
from vocoder.flows.squeeze import SqueezeTime


class LinearPrior(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 4)

    def forward(self, kept, context):
        return self.linear(kept)


def test_without_a_prior_the_early_channels_leave_as_they_are():
    x = torch.randn(2, 6, 5)
    z, _ = Split(2, ActNorm(4)).to_noise(x)
    assert torch.equal(z[:, :2], x[:, :2])
    assert not torch.equal(z[:, 2:], x[:, 2:])


def test_the_prior_is_a_gaussian_given_the_kept_channels():
    flow = Split(2, prior=LinearPrior())
    x = torch.randn(5, 4)
    z, log_det = flow.to_noise(x)
    mean, log_scale = flow.prior(x[:, 2:], None).chunk(2, dim=1)
    prior = torch.distributions.Normal(mean, log_scale.exp())
    base = torch.distributions.Normal(0.0, 1.0)
    expected = prior.log_prob(x[:, :2]).sum(1)
    assert torch.allclose(base.log_prob(z[:, :2]).sum(1) + log_det, expected, atol=1e-5)


def test_the_rest_may_squeeze_if_it_undoes_that():
    deep = Chain([SqueezeTime(2), ActNorm(6), Inverse(SqueezeTime(2))])
    x = torch.randn(2, 4, 6)
    z, _ = Split(1, deep).to_noise(x)
    assert z.shape == x.shape


def test_a_rest_that_changes_the_shape_is_refused():
    with pytest.raises(InputError, match="keep the shape"):
        Split(1, SqueezeTime(2)).to_noise(torch.randn(2, 4, 6))


@pytest.mark.parametrize("num_early", [0, 4, 5])
def test_a_split_that_leaves_nothing_is_refused(num_early):
    with pytest.raises(InputError, match=f"num_early={num_early} of 4 channels"):
        Split(num_early).to_noise(torch.randn(2, 4))
