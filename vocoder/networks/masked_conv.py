"""Masked convolutions and PixelCNN: images as autoregressive sequences of pixels and their channels."""

from collections.abc import Iterator
from itertools import product

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.errors import InputError
from vocoder.networks.autoregressive import AutoregressiveNetwork, Step
from vocoder.networks.conditioner import check_context, zero_initialized


class MaskedConv2d(nn.Conv2d):
    """A convolution that sees the pixels above, those to the left, and part of the pixel itself.

    Channels belong to groups, one a colour. Of the pixel itself an output of group g sees the inputs of
    groups below g if `strict` (the mask A, for the image), and also of g if not (the mask B, for features).
    (van den Oord et al. 2016, "Pixel Recurrent Neural Networks", sec. 3.4.)

    Args:
        in_groups, out_groups: the group of each channel.
        kernel_size: odd; one number for a square, or (height, width).
        strict: the mask A instead of B.

    Raises:
        InputError: an even kernel size.
    """

    mask: Tensor

    def __init__(
        self,
        in_groups: Int[Tensor, " in"],
        out_groups: Int[Tensor, " out"],
        kernel_size: int | tuple[int, int] = 1,
        *,
        strict: bool = False,
    ) -> None:
        height, width = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
        if height % 2 == 0 or width % 2 == 0:
            raise InputError(f"kernel_size must be odd, so that there is a middle, got {kernel_size}")
        row, column = height // 2, width // 2
        super().__init__(len(in_groups), len(out_groups), (height, width), padding=(row, column))
        mask = torch.zeros_like(self.weight)
        mask[:, :, :row] = 1
        mask[:, :, row, :column] = 1
        sees = in_groups < out_groups[:, None] if strict else in_groups <= out_groups[:, None]
        mask[:, :, row, column] = sees
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Float[Tensor, "batch in height width"]) -> Float[Tensor, "batch out height width"]:
        return self._conv_forward(x, self.weight * self.mask, self.bias)


class PixelCNN(AutoregressiveNetwork):
    """P parameters of each channel of each pixel, from the pixels before it and the channels before it there.

    Pixels come row by row, the channels of a pixel one after the other. Two stacks: the vertical one sees the
    rows above, whole; the horizontal one sees its row to the left, and the vertical one at every block. A
    single stack of masked 3×3 convolutions would leave a blind spot at the upper right (van den Oord et al.
    2016, "Conditional Image Generation with PixelCNN Decoders", sec. 2.2-2.3). The output starts at zero.

    Args:
        num_channels: of the images.
        num_parameters: P.
        hidden: width, at least one a channel.
        num_blocks: residual blocks.
        kernel_size: of the first convolutions.
        context_channels: of a context, either a vector `[B, C]` or an image of the same size; 0 for none.

    Raises:
        InputError: a width below the number of channels, an even kernel size, a context that does not fit.
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
        self.left = MaskedConv2d(colours, groups, (1, kernel_size), strict=True)
        self.above = _RowsAbove(num_channels, hidden, kernel_size, strict=True)
        if context_channels:
            self.context = nn.Conv2d(context_channels, hidden, 1, bias=False)
        self.blocks = nn.ModuleList(_Block(groups) for _ in range(num_blocks))
        self.last = nn.Sequential(
            nn.ReLU(), zero_initialized(MaskedConv2d(groups, colours.repeat(num_parameters)))
        )

    def forward(
        self, x: Float[Tensor, "batch channel height width"], context: Tensor | None = None
    ) -> Float[Tensor, "batch parameter height width"]:
        check_context(self, context, self.context_channels)
        left, above = self.left(x), self.above(x)
        if context is not None:
            left = left + self.context(context if context.dim() == 4 else context[:, :, None, None])
        for block in self.blocks:
            left, above = block(left, above)
        return self.last(left)

    def steps(self, shape: torch.Size) -> Iterator[Step]:
        _, channels, height, width = shape
        return ((c, row, column) for row, column, c in product(range(height), range(width), range(channels)))


class _RowsAbove(nn.Conv2d):
    """A convolution that sees its own row and those above it, or with `strict` those above alone."""

    def __init__(self, in_channels: int, out_channels: int, width: int, *, strict: bool = False) -> None:
        height = width // 2 + (not strict)
        super().__init__(in_channels, out_channels, (height, width))
        self.margins = [width // 2, width // 2, width // 2, -strict]

    def forward(self, x: Float[Tensor, "batch in height width"]) -> Float[Tensor, "batch out height width"]:
        return super().forward(F.pad(x, self.margins))


class _Block(nn.Module):
    """A residual step of both stacks: 2×3 above, then [1×1, 1×3, 1×1] to the left, which reads the former."""

    def __init__(self, groups: Tensor) -> None:
        super().__init__()
        hidden, narrow = len(groups), groups[::2]
        self.link = nn.Conv2d(hidden, len(narrow), 1, bias=False)
        self.first = MaskedConv2d(groups, narrow)
        self.second = MaskedConv2d(narrow, narrow, (1, 3))
        self.third = MaskedConv2d(narrow, groups)
        self.above = _RowsAbove(hidden, hidden, 3)

    def forward(self, left: Tensor, above: Tensor) -> tuple[Tensor, Tensor]:
        above = above + self.above(torch.relu(above))
        step = self.first(torch.relu(left)) + self.link(torch.relu(above))
        return left + self.third(torch.relu(self.second(torch.relu(step)))), above
