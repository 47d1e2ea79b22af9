"""The conditioner of Flow++: gated convolutions and gated self-attention, on images and on sequences."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.errors import InputError
from vocoder.networks.conditioner import check_context, zero_initialized

Feature = Float[Tensor, "batch channel *position"]


class GatedAttention(nn.Module):
    """Blocks of [gated convolution, norm, gated attention, norm] (Flow++, Ho et al. 2019, sec. 3.3).

    The output layer starts at zero, so a coupling that reads it starts as the identity.

    Args:
        in_channels, out_channels: of the features that come and go; positions are kept.
        num_dims: 1 for sequences [B, C, T], 2 for images [B, C, H, W].
        hidden: width, a multiple of 2 · num_dims and of `num_heads`.
        num_blocks: depth.
        num_heads: heads of the attention; 0 leaves the attention out.
        context_channels: channels of a context, either a vector [B, C] or features at the same positions.
        dropout: probability, inside the gated convolutions.

    Raises:
        InputError: a width that does not divide; a context where none was declared, or none where one was.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        num_dims: int = 2,
        hidden: int = 32,
        num_blocks: int = 2,
        num_heads: int = 4,
        context_channels: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if hidden % (2 * num_dims) or (num_heads and hidden % num_heads):
            raise InputError(
                f"GatedAttention: hidden={hidden} must be a multiple of {2 * num_dims} (position codes) "
                f"and of num_heads={num_heads}"
            )
        self.context_channels = context_channels
        self.first = _convolution(num_dims, in_channels, hidden, 3)
        self.blocks = nn.ModuleList()
        for _ in range(num_blocks):
            self.blocks.append(_GatedConvolution(num_dims, hidden, context_channels, dropout))
            if num_heads:
                self.blocks.append(_GatedSelfAttention(num_dims, hidden, num_heads))
        self.last = zero_initialized(_convolution(num_dims, hidden, out_channels, 3))

    def forward(
        self, x: Float[Tensor, "batch in *position"], context: Tensor | None = None
    ) -> Float[Tensor, "batch out *position"]:
        check_context(self, context, self.context_channels)
        if context is not None and context.dim() == 2:
            context = context.reshape(*context.shape, *[1] * (x.dim() - 2))
        hidden = self.first(x)
        for block in self.blocks:
            hidden = block(hidden, context)
        return self.last(F.elu(hidden))


class _GatedConvolution(nn.Module):
    """x + a · σ(b), where [a, b] are two convolutions of x; then layer norm over the channels."""

    def __init__(self, num_dims: int, hidden: int, context_channels: int, dropout: float) -> None:
        super().__init__()
        self.first = _convolution(num_dims, 2 * hidden, hidden, 3)
        self.context = _convolution(num_dims, context_channels, hidden, 1) if context_channels else None
        self.dropout = nn.Dropout(dropout)
        self.gate = _convolution(num_dims, 2 * hidden, 2 * hidden, 1)
        self.norm = _ChannelNorm(hidden)

    def forward(self, x: Feature, context: Tensor | None) -> Feature:
        hidden = self.first(_concat_elu(x))
        if self.context is not None:
            hidden = hidden + self.context(context)
        value, gate = self.gate(self.dropout(_concat_elu(hidden))).chunk(2, dim=1)
        return self.norm(x + value * gate.sigmoid())


class _GatedSelfAttention(nn.Module):
    """Multi-head attention of every position to all, x + a · σ(b); then layer norm over the channels."""

    def __init__(self, num_dims: int, hidden: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.project = _convolution(num_dims, hidden, 3 * hidden, 1)
        self.gate = _convolution(num_dims, hidden, 2 * hidden, 1)
        self.norm = _ChannelNorm(hidden)

    def forward(self, x: Feature, context: Tensor | None) -> Feature:
        projected = self.project(x + _position_code(x)).flatten(2)
        query, key, value = projected.unflatten(1, (3 * self.num_heads, -1)).mT.chunk(3, dim=1)
        attended = F.scaled_dot_product_attention(query, key, value)  # [batch, head, position, channel]
        update, gate = self.gate(attended.mT.reshape(x.shape)).chunk(2, dim=1)
        return self.norm(x + update * gate.sigmoid())


class _ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels, at each position alone."""

    def forward(self, x: Feature) -> Feature:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


def _convolution(num_dims: int, in_channels: int, out_channels: int, width: int) -> nn.Conv1d | nn.Conv2d:
    kind = nn.Conv1d if num_dims == 1 else nn.Conv2d
    return kind(in_channels, out_channels, width, padding=width // 2)


def _concat_elu(x: Tensor) -> Tensor:
    return F.elu(torch.cat([x, -x], dim=1))


def _position_code(x: Feature) -> Float[Tensor, "1 channel *position"]:
    """Sines and cosines of each coordinate, [1, C, *position], C shared out evenly among the coordinates."""
    num_dims = x.dim() - 2
    pairs = x.shape[1] // (2 * num_dims)
    rates = torch.exp(torch.arange(pairs, device=x.device, dtype=x.dtype) * (-math.log(1e4) / pairs))
    codes = []
    for axis in range(2, x.dim()):
        angles = rates[:, None] * torch.arange(x.shape[axis], device=x.device, dtype=x.dtype)
        code = torch.cat([angles.sin(), angles.cos()])
        shape = [1, code.shape[0], *(x.shape[i] if i == axis else 1 for i in range(2, x.dim()))]
        codes.append(code.view(shape).expand(1, -1, *x.shape[2:]))
    return torch.cat(codes, dim=1)
