"""Residual convolutions over frames, with a stated reach into the past and the future."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class FrameNetwork(nn.Module):
    """A stack of residual convolutions of width 3 over frames, without padding.

    The first `lookahead` layers are centred (one frame back, one ahead), the others causal (two back). So
    `left_context` + F + `right_context` frames go in and F come out, and a caller with the frames at hand
    gets the same numbers whether it asks for one frame or for all.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, hidden: int, layers: int, lookahead: int
    ) -> None:
        super().__init__()
        self.first = nn.Conv1d(in_channels, hidden, 1)
        self.blocks = nn.ModuleList(_Block(hidden, right=int(i < lookahead)) for i in range(layers))
        self.last = nn.Conv1d(hidden, out_channels, 1)
        self.right_context = min(lookahead, layers)
        self.left_context = 2 * layers - self.right_context

    def forward(self, frames: Float[Tensor, "batch channel context"]) -> Float[Tensor, "batch out frame"]:
        hidden = self.first(frames)
        for block in self.blocks:
            hidden = block(hidden)
        return self.last(hidden)

    def without_context(
        self, frames: Float[Tensor, "batch channel context"]
    ) -> Float[Tensor, "batch channel frame"]:
        """The frames that the output stands for."""
        return frames[..., self.left_context : frames.shape[-1] - self.right_context]


class _Block(nn.Module):
    """Normalise over channels, convolve over time, mix the channels, add to the input."""

    def __init__(self, channels: int, *, right: int) -> None:
        super().__init__()
        self.right = right
        self.norm = ChannelNorm(channels)
        self.time = nn.Conv1d(channels, 2 * channels, 3)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.time(self.norm(x)).chunk(2, dim=1)
        return x[..., 2 - self.right : x.shape[-1] - self.right] + self.mix(value * torch.sigmoid(gate))


class ChannelNorm(nn.Module):
    """Layer normalisation of `[B, C, T]` over C, at each step of time alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1))
        self.shift = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch channel time"]:
        variance, mean = torch.var_mean(x, dim=1, keepdim=True, correction=0)
        return (x - mean) * torch.rsqrt(variance + 1e-5) * self.scale + self.shift
