"""Muon: singular values near one, AdamW for what is no matrix."""

import pytest
import torch
from torch import nn

from training.muon import Muon, is_matrix, orthogonalized


@pytest.mark.parametrize("shape", [(24, 60), (60, 24), (32, 32)])
def test_singular_values_come_near_one_and_vectors_stay(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values = torch.linalg.svdvals(orthogonalized(matrix))
    assert 0.6 < values.min() <= values.max() < 1.3
    own_left, own_values, own_right = torch.linalg.svd(matrix, full_matrices=False)
    core = own_left.mT @ orthogonalized(matrix) @ own_right.mT
    assert (core - core.diagonal().diag()).abs().max() < 1e-6
    assert own_values.max() / own_values.min() > 2


def test_which_weights_are_matrices():
    assert is_matrix(torch.zeros(32, 16, 3))
    assert not is_matrix(torch.zeros(32))
    assert not is_matrix(torch.zeros(4, 64))
    assert not is_matrix(torch.zeros(64, 1, 2))


def test_what_is_kept_is_made_once(monkeypatch: pytest.MonkeyPatch):
    """A step allocates what it computes, and no zeros beside."""
    parameters = [nn.Parameter(torch.randn(16, 16)), nn.Parameter(torch.randn(3))]
    optimizer, made = Muon(parameters, 1e-2), []
    zeros_like = torch.zeros_like
    monkeypatch.setattr(torch, "zeros_like", lambda like: made.append(like.shape) or zeros_like(like))
    for _ in range(3):
        for parameter in parameters:
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
    assert made == [(16, 16), (3,), (3,)]


def test_the_rest_moves_as_by_adamw():
    torch.manual_seed(0)
    ours, theirs = nn.Parameter(torch.randn(30)), nn.Parameter(torch.zeros(30))
    theirs.data.copy_(ours.data)
    optimizers = [
        Muon([ours], 1e-2, (0.9, 0.99), weight_decay=0.1),
        torch.optim.AdamW([theirs], 1e-2, (0.9, 0.99), weight_decay=0.1),
    ]
    for _ in range(5):
        for parameter, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            (parameter.sin() + parameter.square()).sum().backward()
            optimizer.step()
    torch.testing.assert_close(ours, theirs)
