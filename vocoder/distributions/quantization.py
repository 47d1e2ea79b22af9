"""What amplitude quantization means: the grid of N-bit PCM and the mu-law curve."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vocoder.errors import InputError


@dataclass(frozen=True)
class QuantizationGrid:
    """The 2^bits values of quantized audio: centres of equal bins, of which the first and the last are open.

    By default the grid of PCM, `index / 2^(bits-1) - 1` on [-1, 1), whose centres and edges are exact in
    float32. With `symmetric` the outermost centres are -1 and 1 (Salimans et al. 2017, PixelCNN++).
    """

    bits: int
    symmetric: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 23:
            raise InputError(f"bits must be from 1 to 23, got {self.bits}: choose 16 for CD-quality PCM")

    @property
    def last(self) -> int:
        """The largest index; the smallest is 0."""
        return 2**self.bits - 1

    @property
    def half_width(self) -> float:
        """Half the distance between neighbouring centres."""
        return 1 / self.last if self.symmetric else 2.0**-self.bits

    def centre(self, index: Int[Tensor, "..."], dtype: torch.dtype = torch.float32) -> Float[Tensor, "..."]:
        """The value that stands for bin `index` (0 … 2^bits - 1)."""
        return (index.double() * (2 * self.half_width) - 1).to(dtype)

    def index(self, value: Float[Tensor, "..."]) -> Int[Tensor, "..."]:
        """The bin that `value` falls into; beyond the outermost centres, the open bin there."""
        return ((value.double() + 1) / (2 * self.half_width)).round().clamp(0, self.last).long()


def mu_law_encode(x: Float[Tensor, "..."], mu: int = 255) -> Float[Tensor, "..."]:
    """Compand `x` in [-1, 1] to [-1, 1]: sign(x) ln(1 + mu|x|) / ln(1 + mu) (the curve of ITU-T G.711)."""
    return torch.copysign(torch.log1p(mu * x.abs()) / math.log1p(mu), x)


def mu_law_decode(y: Float[Tensor, "..."], mu: int = 255) -> Float[Tensor, "..."]:
    """Expand `y` in [-1, 1] to [-1, 1], the inverse of `mu_law_encode`."""
    return torch.copysign(torch.expm1(y.abs() * math.log1p(mu)) / mu, y)


def mu_law_quantize(x: Float[Tensor, "..."], mu: int = 255) -> Int[Tensor, "..."]:
    """The class, 0 … mu, of `x` in [-1, 1]: the companded value rounded towards class 0.

    Rounded values of `mu_law_dequantize` lie on the edge and belong to their own class: 1e-4 of one is added.
    """
    return ((mu_law_encode(x, mu) + 1) / 2 * mu + 1e-4).long()


def mu_law_dequantize(index: Int[Tensor, "..."], mu: int = 255) -> Float[Tensor, "..."]:
    """The value, float32 in [-1, 1], that stands for class `index` in 0 … mu: its lower edge.

    So do r9y9's code and the voices trained with it. The middle would be nearer by 6 dB.
    """
    return mu_law_decode(2 * index.float() / mu - 1, mu)
