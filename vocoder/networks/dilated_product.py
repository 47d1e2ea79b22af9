"""A dilated convolution over rows of time as matrix products, a third of them saved where that pays."""

import torch
from jaxtyping import Float
from torch import Tensor

WIDE = 128
"""Channels from which on the sums that save products cost less than these."""


class DilatedProduct:
    """y[t] += Σ_k x[t + k · dilation] W_k, in place, for rows of time.

    A filter of three taps needs three products an output, or four for two outputs (Winograd's minimal
    filtering F(2, 3); Lavin and Gray 2016, sec. 4.1). With the outputs one dilation apart, from x_0 … x_3,

        y_0 = (x_0 - x_2) W_0 + p + q        p = (x_1 + x_2) (W_0 + W_1 + W_2) / 2
        y_1 = p - q - (x_1 - x_3) W_2        q = (x_2 - x_1) (W_0 - W_1 + W_2) / 2

    Args:
        taps: W_k, `[tap, in, out]`.
        dilation: rows between taps.
    """

    def __init__(self, taps: Float[Tensor, "tap in out"], dilation: int) -> None:
        self.taps, self.dilation = taps, dilation
        self.minimal = len(taps) == 3 and taps.shape[1] >= WIDE
        if self.minimal:
            outer, middle = (taps[0] + taps[2]) / 2, taps[1] / 2
            self.sum, self.difference = outer + middle, outer - middle

    @property
    def reach(self) -> int:
        """Rows of x beyond those of y."""
        return self.dilation * (len(self.taps) - 1)

    def add_to(self, y: Float[Tensor, "batch row out"], x: Float[Tensor, "batch seen in"]) -> None:
        """Add to y from x, which has `reach` rows more."""
        rows = y.shape[1]
        minimal = self.minimal and not torch.is_autocast_enabled(
            y.device.type
        )  # whose sums would be too coarse
        paired = rows - rows % (2 * self.dilation) if minimal else 0
        if paired:
            self._add_pairs(y[:, :paired], x[:, : paired + self.reach])
        if paired < rows:
            for k, tap in enumerate(self.taps):
                start = paired + k * self.dilation
                add_product(y[:, paired:], x[:, start : start + rows - paired], tap)

    def _add_pairs(self, y: Tensor, x: Tensor) -> None:
        blocks = x.unflatten(1, (-1, self.dilation))  # [batch, block, within, in]
        x0, x1, x2, x3 = blocks[:, :-2:2], blocks[:, 1:-1:2], blocks[:, 2::2], blocks[:, 3::2]
        p = (x1 + x2).flatten(0, 2) @ self.sum
        q = (x2 - x1).flatten(0, 2) @ self.difference
        first = (p + q).addmm_((x0 - x2).flatten(0, 2), self.taps[0])
        second = (p - q).addmm_((x3 - x1).flatten(0, 2), self.taps[2])
        pairs = y.unflatten(1, (-1, 2, self.dilation))  # [batch, pair, of the pair, within, out]
        shape = pairs[:, :, 0].shape
        pairs[:, :, 0].add_(first.view(shape))
        pairs[:, :, 1].add_(second.view(shape))


def add_product(
    y: Float[Tensor, "batch row out"], x: Float[Tensor, "batch row in"], matrix: Float[Tensor, "in out"]
) -> None:
    """y += x @ matrix, in place."""
    if torch.is_autocast_enabled(y.device.type):  # which leaves products in place as they are
        y += x @ matrix
    elif len(x) == 1:
        y[0].addmm_(x[0], matrix)
    else:
        y.baddbmm_(x, matrix.expand(len(x), -1, -1))
