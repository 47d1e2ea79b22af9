"""Muon for matrices, AdamW for the rest, as one optimizer.

The step of a matrix is its momentum with all singular values brought near 1, by five iterations of Newton and
Schulz (Jordan et al. 2024, "Muon"), and scaled so that its entries are about as large as AdamW's:
0.2 · √max(rows, columns) (Liu et al. 2025, eq. 4). A convolution counts as a matrix [out, in · kernel].
`torch.optim.Muon` takes matrices alone, and neither convolutions nor the others beside them.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
LEAST = 8
"""Rows and columns that a weight must have to be moved as a matrix."""
MOMENTUM = 0.95


class Muon(Optimizer):
    """Moves weights that `is_matrix` says are matrices by Muon, all others by AdamW.

    Args:
        parameters: both kinds.
        lr, betas, weight_decay, eps: as AdamW's; matrices have Nesterov's momentum, 0.95, instead of betas.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.99),
        *,
        weight_decay: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                move = self._by_matrix if is_matrix(parameter) else self._by_entry
                parameter.add_(move(parameter, self.state[parameter], group), alpha=-group["lr"])
        return loss

    def _by_matrix(self, parameter: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> Tensor:
        grad = parameter.grad
        assert grad is not None
        momentum = _kept(state, "momentum", parameter)
        momentum.lerp_(grad, 1 - MOMENTUM)
        matrix = grad.lerp(momentum, MOMENTUM).flatten(1)
        return (0.2 * max(matrix.shape) ** 0.5 * orthogonalized(matrix)).view_as(parameter)

    def _by_entry(self, parameter: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> Tensor:
        grad, (first, second) = parameter.grad, group["betas"]
        assert grad is not None
        if "step" not in state:
            state["step"] = torch.zeros(())
        mean = _kept(state, "exp_avg", parameter).lerp_(grad, 1 - first)
        square = _kept(state, "exp_avg_sq", parameter)
        square.mul_(second).addcmul_(grad, grad, value=1 - second)
        count = state["step"].add_(1).item()
        scale = (square / (1 - second**count)).sqrt_().add_(group["eps"])
        return mean / (1 - first**count) / scale


def _kept(state: dict[str, Tensor], key: str, parameter: Tensor) -> Tensor:
    """What the steps before left, of the parameter's shape; zeros in the first."""
    if key not in state:
        state[key] = torch.zeros_like(parameter)
    return state[key]


def is_matrix(parameter: Tensor) -> bool:
    """Whether it has two axes or more, and enough rows and columns."""
    return parameter.dim() >= 2 and min(parameter.shape[0], parameter[0].numel()) >= LEAST


def orthogonalized(matrix: Float[Tensor, "row column"]) -> Float[Tensor, "row column"]:
    """The nearest matrix with singular values of about 1 (0.7 to 1.2) and the same singular vectors."""
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.mT if tall else matrix
    x = x / x.norm().clamp(min=1e-12)
    for _ in range(ITERATIONS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x
