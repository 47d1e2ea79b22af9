"""The plain conditioner."""

import pytest
import torch

from vocoder.errors import InputError
from vocoder.networks.mlp import MLP


def test_output_starts_at_zero():
    assert (MLP(3, 4)(torch.randn(5, 3)) == 0).all()


def test_residual_adds_each_hidden_layer_to_what_came():
    torch.manual_seed(0)
    network = MLP(3, 3, hidden=8, num_layers=3, residual=True)
    for layer in network.hidden[1:]:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    torch.nn.init.normal_(network.last.weight)
    x = torch.randn(5, 3)
    expected = network.last(torch.nn.functional.silu(network.hidden[0](x)))
    torch.testing.assert_close(network(x), expected)


def test_context_that_does_not_fit_is_refused():
    network = MLP(3, 4, context_features=2)
    with pytest.raises(InputError, match="MLP was made for a context of 2 channels, got none"):
        network(torch.zeros(1, 3))
    with pytest.raises(InputError, match="MLP was made for a context of 2 channels, got 5"):
        network(torch.zeros(1, 3), torch.zeros(1, 5))
