"""Chains, inverses and the sum of log-derivatives."""

import torch

from vocoder.flows import Chain, Inverse, Permutation, Reverse
from vocoder.flows.base import sum_log_det, zero_log_det


def test_log_derivatives_of_half_precision_are_summed_in_float32():
    terms = torch.full((2, 1000), 0.01).bfloat16()
    log_det = sum_log_det(terms)
    assert log_det.dtype == torch.float32
    torch.testing.assert_close(log_det, terms.double().sum(1).float(), rtol=1e-6, atol=0)


def test_log_derivatives_of_float64_stay_float64():
    assert sum_log_det(torch.ones(2, 3, dtype=torch.float64)).dtype == torch.float64


def test_a_volume_preserving_map_of_half_precision_has_a_float32_zero():
    assert zero_log_det(torch.ones(2, 3).bfloat16()).dtype == torch.float32


def test_a_chain_runs_as_listed_towards_noise_and_backwards_towards_data():
    x = torch.tensor([[1.0, 2.0, 3.0]])
    turn = Permutation([1, 2, 0])
    chain = Chain([turn, Reverse()])
    assert chain.to_noise(x)[0].tolist() == [[1.0, 3.0, 2.0]]
    assert torch.equal(chain.to_data(chain.to_noise(x)[0])[0], x)
    assert len(chain) == 2
    assert next(iter(chain)) is turn


def test_an_inverse_exchanges_the_directions():
    x = torch.tensor([[1.0, 2.0, 3.0]])
    turn = Permutation([1, 2, 0])
    assert torch.equal(Inverse(turn).to_noise(x)[0], turn.to_data(x)[0])
    assert torch.equal(Inverse(turn).to_data(x)[0], turn.to_noise(x)[0])
