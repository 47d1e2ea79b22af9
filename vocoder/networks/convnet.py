"""The plain conditioner of images: convolutions, as in R-NVP and Glow."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.networks.conditioner import check_context, zero_initialized


class ConvNet(nn.Module):
    """A 3×3 convolution, residual blocks of 3×3 and 1×1, a 3×3 convolution that starts at zero (as in R-NVP).

    Args:
        in_channels, out_channels: of the images that come and go; height and width are kept.
        hidden: width.
        num_blocks: residual blocks.
        context_channels: channels of a context, either a vector [B, C] or an image of the same size.
        dropout: probability, inside the blocks.

    Raises:
        InputError: a context comes where none was declared, or none where one was.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        hidden: int = 32,
        num_blocks: int = 1,
        context_channels: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.context_channels = context_channels
        self.first = nn.Conv2d(in_channels + context_channels, hidden, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.SiLU(),
                nn.Conv2d(hidden, hidden, 3, padding=1),
                nn.SiLU(),
                nn.Dropout(dropout),
                nn.Conv2d(hidden, hidden, 1),
            )
            for _ in range(num_blocks)
        )
        self.last = zero_initialized(nn.Conv2d(hidden, out_channels, 3, padding=1))

    def forward(
        self, x: Float[Tensor, "batch in height width"], context: Tensor | None = None
    ) -> Float[Tensor, "batch out height width"]:
        check_context(self, context, self.context_channels)
        if context is not None:
            image = context if context.dim() == 4 else context[:, :, None, None].expand(-1, -1, *x.shape[2:])
            x = torch.cat([x, image], dim=1)
        hidden = self.first(x)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.last(F.silu(hidden))


class ShallowConvNet(nn.Module):
    """Convolutions of 3×3, 1×1 and 3×3, the last of which starts at zero; made to be wide.

    (Glow, Kingma and Dhariwal 2018, app. B.) It takes no context.

    Args:
        in_channels, out_channels: of the images that come and go; height and width are kept.
        hidden: width.
        dropout: probability, before the last.

    Raises:
        InputError: a context comes.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, hidden: int = 64, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, hidden, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(hidden, hidden, 1),
            nn.SiLU(),
            nn.Dropout(dropout),
            zero_initialized(nn.Conv2d(hidden, out_channels, 3, padding=1)),
        )

    def forward(
        self, x: Float[Tensor, "batch in height width"], context: Tensor | None = None
    ) -> Float[Tensor, "batch out height width"]:
        check_context(self, context, 0)
        return self.layers(x)
