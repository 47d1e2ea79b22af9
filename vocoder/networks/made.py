"""MADE: a multi-layer perceptron whose masks make it autoregressive."""

from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.errors import InputError
from vocoder.networks.autoregressive import AutoregressiveNetwork, Step
from vocoder.networks.conditioner import check_context, zero_initialized


class MaskedLinear(nn.Linear):
    """A linear layer with connections cut: `mask[i, j]` is 1 where output i sees input j, else 0."""

    mask: Tensor

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.register_buffer("mask", torch.ones_like(self.weight), persistent=False)

    def forward(self, x: Float[Tensor, "batch in"]) -> Float[Tensor, "batch out"]:
        return F.linear(x, self.weight * self.mask, self.bias)

    def some(self, x: Float[Tensor, "batch in"], rows: slice, num_columns: int) -> Float[Tensor, "batch out"]:
        """The outputs `rows`, which all see just the first `num_columns` inputs."""
        return F.linear(x[:, :num_columns], self.weight[rows, :num_columns], self.bias[rows])


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
    degree: Tensor

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
        self.num_features, self.num_parameters = num_features, num_parameters
        self.context_features = context_features
        lowest = 0 if context_features else 1
        num_degrees = max(num_features - lowest, 1)
        self.register_buffer("rank", _rank(order, num_features))
        self.register_buffer(
            "degree", lowest + torch.arange(hidden) * num_degrees // hidden, persistent=False
        )
        self.first = MaskedLinear(num_features, hidden)
        if context_features:
            self.context = nn.Linear(context_features, hidden, bias=False)
        block = _ResidualBlock if residual else _Block
        self.blocks = nn.ModuleList(block(hidden) for _ in range(num_layers))
        self.final = nn.Identity() if residual else nn.ReLU()
        self.last = zero_initialized(MaskedLinear(hidden, num_parameters * num_features))
        self.connect()
        self.register_load_state_dict_post_hook(lambda made, _: made.connect())  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def connect(self) -> None:
        """Set the masks as `rank` and `degree` demand."""
        inner = self.degree[:, None] >= self.degree
        self.first.mask.copy_(self.degree[:, None] >= self.rank)
        for layer in self.blocks.modules():
            if isinstance(layer, MaskedLinear):
                layer.mask.copy_(inner)
        self.last.mask.copy_((self.rank[:, None] > self.degree).repeat(self.num_parameters, 1))

    def forward(
        self, x: Float[Tensor, "batch feature"], context: Float[Tensor, "batch context"] | None = None
    ) -> Float[Tensor, "batch parameter"]:
        check_context(self, context, self.context_features)
        h = self.first(x)
        if context is not None:
            h = h + self.context(context)
        for block in self.blocks:
            h = block(h)
        return self.last(self.final(h))

    def steps(self, shape: torch.Size) -> Iterator[Step]:
        return ((feature,) for feature in self.rank.argsort().tolist())

    def generate(
        self,
        element: Callable[[Step, Tensor], Tensor],
        like: Float[Tensor, "batch feature"],
        context: Float[Tensor, "batch context"] | None = None,
    ) -> Float[Tensor, "batch feature"]:
        """As for every network, but without gradients each unit is computed just once, when it can be."""
        if torch.is_grad_enabled():
            return super().generate(element, like, context)
        check_context(self, context, self.context_features)
        batch, hidden = like.shape[0], len(self.degree)
        shift = like.new_zeros(1, hidden) if context is None else self.context(context)
        memories = [like.new_zeros(2, batch, hidden) for _ in self.blocks]
        x, h = torch.zeros_like(like), like.new_zeros(batch, hidden)
        places = torch.arange(1, self.num_features + 1, device=like.device)
        known_before = torch.searchsorted(self.degree, places).tolist()  # hidden units, at each place
        start = 0
        for step, end in zip(self.steps(like.shape), known_before, strict=True):
            if end > start:
                new, start = slice(start, end), end
                fresh = self.first.some(x, new, self.num_features) + shift[:, new]
                for block, memory in zip(self.blocks, memories, strict=True):
                    fresh = block.advance(fresh, memory, new)  # type: ignore[operator]
                h[:, new] = self.final(fresh)
            parameters = self.last.some(h, slice(step[0], None, self.num_features), end)
            x[:, step[0]] = element(step, parameters)
        return x


class _Block(nn.Module):
    """W relu(h)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.linear = MaskedLinear(hidden, hidden)

    def forward(self, h: Tensor) -> Tensor:
        return self.linear(torch.relu(h))

    def advance(self, fresh: Tensor, memory: Tensor, new: slice) -> Tensor:
        """The outputs of the units `new` from their inputs; `memory` keeps what later units will see."""
        memory[0, :, new] = torch.relu(fresh)
        return self.linear.some(memory[0], new, new.stop)


class _ResidualBlock(nn.Module):
    """h + W₂ relu(W₁ relu(h))."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.first, self.second = MaskedLinear(hidden, hidden), MaskedLinear(hidden, hidden)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.second(torch.relu(self.first(torch.relu(h))))

    def advance(self, fresh: Tensor, memory: Tensor, new: slice) -> Tensor:
        """As in `_Block`."""
        memory[0, :, new] = torch.relu(fresh)
        memory[1, :, new] = torch.relu(self.first.some(memory[0], new, new.stop))
        return fresh + self.second.some(memory[1], new, new.stop)


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
