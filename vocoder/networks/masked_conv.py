"""Masked convolutions and PixelCNN: images as autoregressive sequences of pixels and their channels."""

from collections.abc import Iterator
from itertools import product

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vocoder.errors import InputError
from vocoder.networks.autoregressive import AutoregressiveNetwork, Step
from vocoder.networks.conditioner import check_context, zero_initialized


class MaskedConv2d(nn.Conv2d):
    """A convolution that sees the pixels above, those to the left, and part of the pixel itself.

    Channels belong to groups, one a colour. Of the pixel itself an output of group g sees the inputs of
    groups below g if `strict` (the mask A, for the image), and also of g if not (the mask B, for features).
    (van den Oord et al. 2016, "Pixel Recurrent Neural Networks", sec. 3.4.)

    Raises:
        InputError: an even kernel size.
    """

    mask: Tensor

    def __init__(
        self,
        in_groups: Int[Tensor, " in"],
        out_groups: Int[Tensor, " out"],
        kernel_size: int = 1,
        *,
        strict: bool = False,
    ) -> None:
        if kernel_size % 2 == 0:
            raise InputError(f"kernel_size must be odd, so that there is a middle, got {kernel_size}")
        middle = kernel_size // 2
        super().__init__(len(in_groups), len(out_groups), kernel_size, padding=middle)
        mask = torch.zeros_like(self.weight)
        mask[:, :, :middle] = 1
        mask[:, :, middle, :middle] = 1
        sees = in_groups < out_groups[:, None] if strict else in_groups <= out_groups[:, None]
        mask[:, :, middle, middle] = sees
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Float[Tensor, "batch in height width"]) -> Float[Tensor, "batch out height width"]:
        return self._conv_forward(x, self.weight * self.mask, self.bias)


class PixelCNN(AutoregressiveNetwork):
    """P parameters of each channel of each pixel, from the pixels before it and the channels before it there.

    Pixels come row by row, the channels of a pixel one after the other. A masked convolution of the image,
    then residual blocks of [1×1, 3×3, 1×1]; the output starts at zero.

    Args:
        num_channels: of the images.
        num_parameters: P.
        hidden: width, at least one a channel.
        num_blocks: residual blocks.
        kernel_size: of the first convolution.
        context_channels: of a context, either a vector `[B, C]` or an image of the same size; 0 for none.

    Raises:
        InputError: a width below the number of channels, a context that does not fit.
    """

    def __init__(
        self,
        num_channels: int,
        num_parameters: int = 2,
        *,
        hidden: int = 32,
        num_blocks: int = 2,
        kernel_size: int = 5,
        context_channels: int = 0,
    ) -> None:
        super().__init__()
        if hidden < num_channels:
            raise InputError(f"hidden must be at least the number of channels, {num_channels}, got {hidden}")
        self.num_parameters, self.context_channels = num_parameters, context_channels
        colours = torch.arange(num_channels)
        groups = torch.arange(hidden) * num_channels // hidden
        self.first = MaskedConv2d(colours, groups, kernel_size, strict=True)
        if context_channels:
            self.context = nn.Conv2d(context_channels, hidden, 1, bias=False)
        self.blocks = nn.ModuleList(_block(groups) for _ in range(num_blocks))
        self.last = nn.Sequential(
            nn.ReLU(), zero_initialized(MaskedConv2d(groups, colours.repeat(num_parameters)))
        )

    def forward(
        self, x: Float[Tensor, "batch channel height width"], context: Tensor | None = None
    ) -> Float[Tensor, "batch parameter height width"]:
        check_context(self, context, self.context_channels)
        h = self.first(x)
        if context is not None:
            h = h + self.context(context if context.dim() == 4 else context[:, :, None, None])
        for block in self.blocks:
            h = h + block(h)
        return self.last(h)

    def steps(self, shape: torch.Size) -> Iterator[Step]:
        _, channels, height, width = shape
        return ((c, row, column) for row, column, c in product(range(height), range(width), range(channels)))


def _block(groups: Tensor) -> nn.Sequential:
    narrow = groups[::2]
    return nn.Sequential(
        nn.ReLU(),
        MaskedConv2d(groups, narrow),
        nn.ReLU(),
        MaskedConv2d(narrow, narrow, 3),
        nn.ReLU(),
        MaskedConv2d(narrow, groups),
    )
