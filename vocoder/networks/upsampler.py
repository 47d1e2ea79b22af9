"""From frames to context vectors: one for each group of audio samples, or one for each sample."""

import math
from collections.abc import Sequence
from math import gcd
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.errors import ConfigError
from vocoder.networks.precision import DoubleInEvaluation

Form = Literal["transposed", "apart", "stretched", "linear"]


class GroupUpsampler(nn.Module):
    """A transposed convolution from frames to groups of `group_size` samples, without look-ahead.

    Frame f reaches the samples from f · hop to (f + width) · hop. As published, there is a vector for every
    sample, and those of a group become one: channel c of sample s is c · group_size + s (WaveGlow, Prenger et
    al. 2019, and its source). With `out_channels` there is one vector a group from the start, at less cost.

    Args:
        in_channels: of the frames.
        hop_length: samples between frames.
        group_size: samples a context vector stands for.
        width: frames that reach a sample.
        out_channels: of the context vectors; None for `in_channels · group_size`, as published.

    Raises:
        ConfigError: `out_channels` where groups do not divide a hop.
    """

    def __init__(
        self,
        in_channels: int,
        hop_length: int,
        group_size: int,
        *,
        width: int = 4,
        out_channels: int | None = None,
    ) -> None:
        super().__init__()
        if out_channels is not None and hop_length % group_size:
            raise ConfigError(
                f"groups of {group_size} do not divide the hop of {hop_length} samples: "
                f"choose a divisor, or leave out the number of context channels"
            )
        self.hop_length, self.group_size, self.width = hop_length, group_size, width
        self.by_sample = out_channels is None
        stride = hop_length if out_channels is None else hop_length // group_size
        self.convolution = nn.ConvTranspose1d(
            in_channels, out_channels or in_channels, width * stride, stride
        )
        self.out_channels = out_channels or in_channels * group_size

    def first_frame(self, group: int) -> int:
        """The last frame that begins with some group, and from which on frames suffice for `group`."""
        return self.whole(max(0, group * self.group_size // self.hop_length - self.width + 1))

    def whole(self, num_frames: int) -> int:
        """The most of these frames that hold whole groups."""
        return num_frames - num_frames % (self.group_size // gcd(self.group_size, self.hop_length))

    def num_groups(self, num_frames: int) -> int:
        """Whole groups in the samples of that many frames."""
        return num_frames * self.hop_length // self.group_size

    def forward(
        self, frames: Float[Tensor, "batch channel frame"], start: int, stop: int
    ) -> Float[Tensor, "batch context group"]:
        """Context of the groups `start` to `stop`, counted from the first sample of the first frame."""
        if start == stop:
            return frames.new_zeros(len(frames), self.out_channels, 0)
        if not self.by_sample:
            return self.convolution(frames)[..., start:stop]
        samples = self.convolution(frames)[..., start * self.group_size : stop * self.group_size]
        return samples.unflatten(2, (-1, self.group_size)).transpose(2, 3).flatten(1, 2)


class MelUpsampler(DoubleInEvaluation):
    """F frames to F · hop context vectors, band by band, after a convolution that mixes the bands.

    Forms: "transposed", stages of transposed convolutions (ClariNet, Ping et al. 2018); "apart", the same as
    wide as their stride, so that a frame reaches its own hop alone (r9y9's WaveNet until 2018); "stretched",
    stages that repeat every column and smooth it (r9y9's since); "linear", the frames as knots of a linear
    interpolation, F + 1 of them, which a `WaveNet` with `context_step` maps at their own rate.

    In all but the last, frame f reaches samples symmetrically around the middle of its hop, f · hop to
    (f + 1) · hop, and nothing saturates. There are zeros beyond the ends of an utterance, in each stage, and
    a stage begins as a linear interpolation, a repetition or a plain smoothing. Knot f of "linear" lies on
    sample f · hop.

    Args:
        num_bands: of the frames, and of the context vectors.
        scales: factors of the stages, whose product is the hop; for "linear", of the one interpolation.
        context: frames on both sides that the first convolution sees; 0 for one at a time.
        band_kernel: bands that a stage mixes; odd.
        slope: of a leaky ReLU after each stage, if any; 0 for a ReLU.
        bias: of each stage.

    Attributes:
        left_context, right_context: frames that are needed before the first, after the last hop.
        step: samples between context vectors.

    Raises:
        ConfigError: an even `band_kernel`.
    """

    def __init__(
        self,
        num_bands: int,
        scales: Sequence[int],
        *,
        form: Form = "transposed",
        context: int = 0,
        band_kernel: int = 1,
        slope: float | None = None,
        bias: bool = False,
    ) -> None:
        super().__init__()
        if band_kernel % 2 == 0:
            raise ConfigError(f"band_kernel must be odd, to have a middle, got {band_kernel}")
        self.context, self.slope = context, slope
        self.hop_length = math.prod(scales)
        self.mix = nn.Conv1d(num_bands, num_bands, 2 * context + 1, bias=False)
        nn.init.dirac_(self.mix.weight)
        self.stages = nn.ModuleList()
        reach = 0.0
        for i, scale in enumerate(scales if form != "linear" else ()):
            self.stages.append(_STAGES[form](scale, band_kernel, bias))
            reach += (form != "apart") / math.prod(scales[:i])
        self.margin = math.ceil(reach)  # frames at the ends of a chunk that see where it was cut
        self.step = self.hop_length if form == "linear" else 1
        self.left_context = context + self.margin
        self.right_context = context + self.margin + (form == "linear")

    def forward(
        self, frames: Float[Tensor, "batch band context"], outside: tuple[int, int] = (0, 0)
    ) -> Float[Tensor, "batch band row"]:
        """Context of all hops whose frames have the context that they need.

        Args:
            frames: the hops' own, and `left_context` before, `right_context` after them.
            outside: how many of them, at each end, lie outside the utterance.
        """
        mixed = self.mix(frames.to(self.dtype))
        if not self.stages:
            return mixed.to(frames.dtype)
        before, after = (max(0, beyond - self.context) for beyond in outside)
        lines = mixed[..., before : mixed.shape[-1] - after].unsqueeze(1)
        for stage in self.stages:
            lines = stage(lines)
            if self.slope is not None:
                lines = F.leaky_relu(lines, self.slope)
        cut = slice((self.margin - before) * self.hop_length, (after - self.margin) * self.hop_length or None)
        return lines[:, 0, :, cut].to(frames.dtype)


class _Stretch(nn.Module):
    """Repeats every column."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Float[Tensor, "batch 1 band row"]) -> Float[Tensor, "batch 1 band column"]:
        return x.repeat_interleave(self.scale, dim=3)


def _stretched(scale: int, band_kernel: int, bias: bool) -> nn.Module:
    size = (band_kernel, 2 * scale + 1)
    smooth = nn.Conv2d(1, 1, size, padding=(band_kernel // 2, scale), bias=bias)
    return nn.Sequential(_Stretch(scale), _one_band(smooth, torch.ones(size[1]) / size[1]))


def _transposed(scale: int, band_kernel: int, bias: bool) -> nn.Module:
    width = 2 * scale + scale % 2  # as even as the scale, so that there is a middle
    size, stride = (band_kernel, width), (1, scale)
    padding = (band_kernel // 2, (width - scale) // 2)
    layer = nn.ConvTranspose2d(1, 1, size, stride, padding, bias=bias)
    distance = (torch.arange(width) - (width - 1) / 2).abs()
    return _one_band(layer, (1 - distance / scale).clamp(min=0))


def _apart(scale: int, band_kernel: int, bias: bool) -> nn.Module:
    layer = nn.ConvTranspose2d(
        1, 1, (band_kernel, scale), stride=(1, scale), padding=(band_kernel // 2, 0), bias=bias
    )
    return _one_band(layer, torch.ones(scale))


_STAGES = {"stretched": _stretched, "transposed": _transposed, "apart": _apart}


def _one_band(layer: nn.Conv2d | nn.ConvTranspose2d, taps: Float[Tensor, "tap"]) -> nn.Module:
    """The layer, with these taps for a band itself, none for its neighbours, and nothing added."""
    nn.init.zeros_(layer.weight)
    with torch.no_grad():
        layer.weight[0, 0, layer.kernel_size[0] // 2] = taps
        if layer.bias is not None:
            layer.bias.zero_()
    return layer
