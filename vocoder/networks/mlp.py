"""The plain conditioner of vectors: a multi-layer perceptron, with residual blocks or without."""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vocoder.networks.conditioner import check_context, zero_initialized


class MLP(nn.Module):
    """Hidden layers with SiLU between; the last layer starts at zero, so that a flow starts as a simple map.

    Args:
        in_features, out_features: lengths of the vectors that come and go.
        hidden: width.
        num_layers: hidden layers (or residual blocks).
        context_features: length of a context vector, concatenated to the input; 0 for none.
        residual: x + f(x) around each hidden layer after the first.

    Raises:
        InputError: a context comes where none was declared, or none where one was.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        hidden: int = 64,
        num_layers: int = 2,
        context_features: int = 0,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.context_features = context_features
        self.residual = residual
        widths = [in_features + context_features, *[hidden] * num_layers]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.activation = nn.SiLU()
        self.last = zero_initialized(nn.Linear(widths[-1], out_features))

    def forward(
        self, x: Float[Tensor, "batch in"], context: Float[Tensor, "batch context"] | None = None
    ) -> Float[Tensor, "batch out"]:
        check_context(self, context, self.context_features)
        h = x if context is None else torch.cat([x, context], dim=1)
        for depth, layer in enumerate(self.hidden):
            step = self.activation(layer(h))
            h = h + step if self.residual and depth else step
        return self.last(h)
