"""MADE: a multi-layer perceptron whose masks make it autoregressive."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.errors import InputError
from vocoder.networks.autoregressive import AutoregressiveNetwork, Step
from vocoder.networks.conditioner import check_context, zero_initialized


class MaskedLinear(nn.Linear):
    """A linear layer with connections cut: `mask[i, j]` tells whether output i sees input j."""

    mask: Tensor

    def __init__(self, mask: Bool[Tensor, "out in"]) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask.clone())

    def forward(self, x: Float[Tensor, "batch in"]) -> Float[Tensor, "batch out"]:
        return F.linear(x, self.weight * self.mask, self.bias)


class MADE(AutoregressiveNetwork):
    """P parameters of each of D features, the parameters of a feature from those that come before it.

    Feature number r of the order (from 1) has degree r. Each hidden unit has a degree too, is connected to
    what has no higher degree, and feeds the parameters of features of higher degree (Germain et al. 2015,
    eq. 12-13). Degrees are spread evenly over the units, in rising order; with a context there are units of
    degree 0, which see the context alone.

    Args:
        num_features: D.
        num_parameters: P, say 2 for a Gaussian, 1 for a Bernoulli, 3K for a mixture of K logistics.
        hidden: units in a layer.
        num_layers: hidden layers after the first, or residual blocks of two layers.
        order: "natural", "random" (by torch's generator, saved with the weights), or the features in order.
        context_features: length of a context vector; 0 for none.
        residual: h + f(h) around each block.

    Raises:
        InputError: an order that is not a permutation, a context that does not fit.
    """

    rank: Tensor

    def __init__(
        self,
        num_features: int,
        num_parameters: int = 2,
        *,
        hidden: int = 64,
        num_layers: int = 1,
        order: str | Sequence[int] = "natural",
        context_features: int = 0,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.context_features = context_features
        self.register_buffer("rank", _rank(order, num_features))
        lowest = 0 if context_features else 1
        highest = max(num_features - 1, lowest)
        degree = lowest + torch.arange(hidden) * (highest - lowest + 1) // hidden
        inner = degree[:, None] >= degree

        self.first = MaskedLinear(degree[:, None] >= self.rank)
        if context_features:
            self.context = nn.Linear(context_features, hidden, bias=False)
        block = _ResidualBlock if residual else _Block
        self.blocks = nn.ModuleList(block(inner) for _ in range(num_layers))
        self.final_activation = nn.Identity() if residual else nn.ReLU()
        self.last = zero_initialized(MaskedLinear((self.rank[:, None] > degree).repeat(num_parameters, 1)))

    def forward(
        self, x: Float[Tensor, "batch feature"], context: Float[Tensor, "batch context"] | None = None
    ) -> Float[Tensor, "batch parameter"]:
        check_context(self, context, self.context_features)
        h = self.first(x)
        if context is not None:
            h = h + self.context(context)
        for block in self.blocks:
            h = block(h)
        return self.last(self.final_activation(h))

    def steps(self, shape: torch.Size) -> Iterator[Step]:
        return ((feature,) for feature in self.rank.argsort().tolist())


class _Block(nn.Module):
    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.linear = MaskedLinear(mask)

    def forward(self, h: Tensor) -> Tensor:
        return self.linear(torch.relu(h))


class _ResidualBlock(nn.Module):
    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.first, self.second = MaskedLinear(mask), MaskedLinear(mask)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.second(torch.relu(self.first(torch.relu(h))))


def _rank(order: str | Sequence[int], num_features: int) -> Int[Tensor, " feature"]:
    """The place of each feature in the order, from 1."""
    if order == "natural":
        order = range(num_features)
    elif order == "random":
        order = torch.randperm(num_features).tolist()
    if isinstance(order, str) or sorted(order) != list(range(num_features)):
        raise InputError(
            f"order must be 'natural', 'random' or hold each of 0 … {num_features - 1} once, got {order!r}"
        )
    return torch.tensor(order).argsort() + 1
