import pytest
import torch

from vocoder.flows.root import attach_gradient, solve_increasing


def cube_root(target):
    return solve_increasing(
        lambda x: (x**3 - target, 3 * x**2), torch.full_like(target, -3), torch.full_like(target, 3)
    )


def test_finds_roots_where_newton_alone_diverges():
    target = torch.tensor([-8.0, -1e-3, 1.0, 20.0], dtype=torch.float64)
    assert torch.allclose(cube_root(target) ** 3, target, atol=1e-13, rtol=1e-13)


def test_zero_slope_at_the_root_is_bisected():
    assert cube_root(torch.zeros(1, dtype=torch.float64)).abs().item() < 1e-12


def test_a_jump_is_located():
    x = solve_increasing(
        lambda x: ((x - 0.3).sign(), torch.full_like(x, 1e-30)), torch.tensor([-1.0]), torch.tensor([2.0])
    )
    assert x.item() == pytest.approx(0.3, abs=1e-6)


def test_newton_converges_in_a_few_evaluations():
    calls = []

    def function(x):
        calls.append(x)
        return x.exp() - 2, x.exp()

    solve_increasing(function, torch.tensor([-5.0]).double(), torch.tensor([5.0]).double())
    assert len(calls) <= 12


def test_where_there_is_no_slope_the_root_stays():
    value = torch.zeros(2, requires_grad=True)
    assert attach_gradient(torch.tensor([1.0, 2.0]), value, torch.tensor([0.0, 1.0])).tolist() == [1, 2]


def test_the_gradient_is_that_of_the_implicit_function():
    a = torch.tensor([2.0, 5.0], dtype=torch.float64, requires_grad=True)
    root = solve_increasing(lambda x: (x.exp() - a, x.exp()), torch.zeros_like(a), 4 + torch.zeros_like(a))
    x = attach_gradient(root, root.exp() - a, root.exp())
    x.sum().backward()
    assert torch.allclose(a.grad, 1 / a.detach(), rtol=1e-12)
