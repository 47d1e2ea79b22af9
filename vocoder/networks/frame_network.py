"""Residual convolutions over frames, with a stated reach into the past and the future."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.networks.compiled_frames import CompiledFrames
from vocoder.networks.of_weights import OfWeights


class FrameState(NamedTuple):
    """What a stream carries from chunk to chunk."""

    held: Float[Tensor, "batch slot hidden"]  # the last two inputs of each layer, zeros before the first
    seen: int  # frames taken so far, at most 2 · layers


FEW = 32
"""Rows up to which the compiled loop takes less time than an operation for each part of a layer."""


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
        self._arranged = OfWeights(_arrange)
        self._compiled = OfWeights(_compile)

    def forward(self, frames: Float[Tensor, "batch channel context"]) -> Float[Tensor, "batch out frame"]:
        return self.stream(frames, self.start(len(frames)))[0]

    def start(self, batch: int) -> FrameState:
        """Before the first frame of the context."""
        return FrameState(
            self.first.weight.new_zeros(batch, 2 * len(self.blocks), self.first.out_channels), 0
        )

    def stream(
        self, frames: Float[Tensor, "batch channel chunk"], state: FrameState
    ) -> tuple[Float[Tensor, "batch out settled"], FrameState]:
        """What the next frames settle, `right_context` frames late; the chunks' outputs are the whole's."""
        seen = min(state.seen + frames.shape[2], 2 * len(self.blocks))
        if self._is_for_compiled(frames, state):
            outputs, held = self._compiled(self).stream(frames, state.held)
            return outputs, FrameState(held, seen)
        weights = _arrange(self) if torch.is_grad_enabled() else self._arranged(self)
        rows, following = _mix(frames.mT, *weights.first), []
        for i, layer in enumerate(weights.layers):
            known = min(2, max(0, state.seen - 2 * i))
            rows = torch.cat([state.held[:, 2 * i + 2 - known : 2 * i + 2], rows], dim=1)
            following.append(F.pad(rows[:, -2:], (0, 0, max(0, 2 - rows.shape[1]), 0)))
            rows = layer.apply(rows) if rows.shape[1] > 2 else rows[:, :0]
        return _mix(rows, *weights.last).mT, FrameState(torch.cat(following, dim=1), seen)

    def _is_for_compiled(self, frames: Tensor, state: FrameState) -> bool:
        """Whether these are a few frames in the middle of a stream on the CPU."""
        rows = frames.shape[0] * frames.shape[2]
        if frames.device.type != "cpu" or not 0 < rows <= FEW or torch.is_grad_enabled():
            return False
        in_the_middle = state.seen == 2 * len(self.blocks) and state.held.dtype == frames.dtype
        return in_the_middle and not torch.is_autocast_enabled("cpu")

    def without_context(
        self, frames: Float[Tensor, "batch channel context"]
    ) -> Float[Tensor, "batch channel frame"]:
        """The frames that the output stands for."""
        return frames[..., self.left_context : frames.shape[-1] - self.right_context]


class _Block(nn.Module):
    """Weights of a layer: normalise over channels, convolve over time, mix the channels."""

    def __init__(self, channels: int, *, right: int) -> None:
        super().__init__()
        self.right = right
        self.norm = _ChannelNorm(channels)
        self.time = nn.Conv1d(channels, 2 * channels, 3)
        self.mix = nn.Conv1d(channels, channels, 1)


class _ChannelNorm(nn.Module):
    """Weights of the normalisation of each step of time alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1))
        self.shift = nn.Parameter(torch.zeros(channels, 1))


class _Layer(NamedTuple):
    """A block's weights as products of rows take them: frames are few, and slow to convolve one by one."""

    right: int
    scale: Float[Tensor, "channel"]
    shift: Float[Tensor, "channel"]
    time: "_Matrix"  # of all taps, the channels of the first before those of the next
    mix: "_Matrix"

    def apply(self, rows: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch inner channel"]:
        """The next layer's input, two steps shorter."""
        normal = F.layer_norm(rows, self.scale.shape, self.scale, self.shift)
        windows = normal.unfold(1, 3, 1).mT.flatten(2)  # taps before channels: whole rows are copied
        gated = F.glu(_mix(windows, *self.time), dim=2)
        return rows[:, 2 - self.right : rows.shape[1] - self.right] + _mix(gated, *self.mix)


class _Matrix(NamedTuple):
    """In this order few rows are multiplied twice as fast as with its transpose."""

    weight: Float[Tensor, "in out"]
    bias: Float[Tensor, "out"]


class _Arranged(NamedTuple):
    first: _Matrix
    layers: list[_Layer]
    last: _Matrix


def _arrange(network: FrameNetwork) -> _Arranged:
    """The weights of `network` for products of rows; gradients reach the weights through them."""
    layers = []
    for block in network.blocks:
        assert isinstance(block, _Block)
        layers.append(
            _Layer(
                right=block.right,
                scale=block.norm.scale[:, 0],
                shift=block.norm.shift[:, 0],
                time=_matrix(block.time),
                mix=_matrix(block.mix),
            )
        )
    return _Arranged(_matrix(network.first), layers, _matrix(network.last))


def _compile(network: FrameNetwork) -> CompiledFrames:
    first, layers, last = _arrange(network)
    parts = [(layer.right, layer.scale, layer.shift, *layer.time, *layer.mix) for layer in layers]
    return CompiledFrames(first, parts, last)


def _matrix(layer: nn.Conv1d) -> _Matrix:
    assert layer.bias is not None
    return _Matrix(layer.weight.permute(2, 1, 0).flatten(0, 1).contiguous(), layer.bias)


def _mix(
    rows: Float[Tensor, "batch time in"], weight: Tensor, bias: Tensor
) -> Float[Tensor, "batch time out"]:
    """A product for each row."""
    return torch.addmm(bias, rows.flatten(0, 1), weight).unflatten(0, rows.shape[:2])
