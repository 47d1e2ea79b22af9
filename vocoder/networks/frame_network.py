"""Residual convolutions over frames, with a stated reach into the past and the future."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

FrameState = list[Float[Tensor, "batch _ hidden"]]
"""What a stream carries from chunk to chunk: the last inputs of each layer, at most two."""


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
        return self.stream(frames, self.start(len(frames)))[0]

    def start(self, batch: int) -> FrameState:
        """Before the first frame of the context."""
        return [self.first.weight.new_zeros(batch, 0, self.first.out_channels) for _ in self.blocks]

    def stream(
        self, frames: Float[Tensor, "batch channel chunk"], state: FrameState
    ) -> tuple[Float[Tensor, "batch out settled"], FrameState]:
        """What the next frames settle, `right_context` frames late; the chunks' outputs are the whole's."""
        rows, following = _convolve(self.first, frames.mT), []
        for block, held in zip(self.blocks, state, strict=True):
            rows = torch.cat([held, rows], dim=1)
            following.append(rows[:, max(0, rows.shape[1] - 2) :].clone())
            rows = block(rows) if rows.shape[1] > 2 else rows[:, :0]
        return _convolve(self.last, rows).mT, following

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

    def forward(self, rows: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch inner channel"]:
        gated = F.glu(_convolve(self.time, self.norm(rows)), dim=2)
        return rows[:, 2 - self.right : rows.shape[1] - self.right] + _convolve(self.mix, gated)


class ChannelNorm(nn.Module):
    """Layer normalisation of each step of time alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1))
        self.shift = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, rows: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch time channel"]:
        return F.layer_norm(rows, rows.shape[2:], self.scale[:, 0], self.shift[:, 0])


def _convolve(layer: nn.Conv1d, rows: Float[Tensor, "batch time in"]) -> Float[Tensor, "batch inner out"]:
    """A convolution as one matrix product: frames are few, and so are slow to convolve one by one."""
    weight, bias = layer.weight, layer.bias
    windows = rows.unfold(1, weight.shape[2], 1) if weight.shape[2] > 1 else rows.unsqueeze(3)
    return F.linear(windows.flatten(2), weight.flatten(1), bias)
