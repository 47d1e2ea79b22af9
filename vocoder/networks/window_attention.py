"""Self-attention in a window that moves along a sequence: its reach can be stated, so it can stream."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.errors import InputError
from vocoder.networks.conditioner import zero_initialized


class WindowAttention(nn.Module):
    """h + a · σ(b), [a, b] of what each step finds among those at most `reach` away on either side.

    Multi-head attention with a learned bias for each distance (Shaw et al. 2018 put vectors there), gated as
    in Flow++ (Ho et al. 2019, sec. 3.3), which attends to a whole image. Zeros stand beyond the ends. It
    begins as the identity.

    Args:
        channels: of the sequence, a multiple of `heads`.
        reach: steps, on each side.

    Raises:
        InputError: channels that heads do not divide, or a reach below one.
    """

    def __init__(self, channels: int, *, heads: int, reach: int) -> None:
        super().__init__()
        if heads < 1 or channels % heads or reach < 1:
            raise InputError(
                f"attention needs a reach of one or more and heads that divide the {channels} channels, "
                f"got reach {reach} and {heads} heads"
            )
        self.heads, self.reach = heads, reach
        self.query = nn.Conv1d(channels, channels, 1)
        self.memory = nn.Conv1d(channels, 2 * channels, 1, bias=False)  # zeros stay zeros
        self.distance = nn.Parameter(torch.zeros(heads, 2 * reach + 1))
        self.gate = zero_initialized(nn.Conv1d(channels, 2 * channels, 1))

    def forward(self, h: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch channel time"]:
        return self.attend(F.pad(h, (self.reach, self.reach)))

    def attend(self, h: Float[Tensor, "batch channel padded"]) -> Float[Tensor, "batch channel inner"]:
        """The steps of `h` that have `reach` others on either side."""
        inner = h[..., self.reach : h.shape[2] - self.reach]
        query = self.query(inner).unflatten(1, (self.heads, -1))
        windows = self.memory(h).unfold(2, 2 * self.reach + 1, 1)  # [batch, 2 channel, inner, window]
        key, value = windows.unflatten(1, (2, self.heads, -1)).unbind(1)
        scores = torch.einsum("bhct,bhctw->bhtw", query, key) * query.shape[2] ** -0.5
        weights = (scores + self.distance[:, None]).softmax(dim=-1)
        found = torch.einsum("bhtw,bhctw->bhct", weights, value).flatten(1, 2)
        update, gate = self.gate(found).chunk(2, dim=1)
        return inner + update * gate.sigmoid()
