"""A temperature of its own for voiced sounds: they want less noise than it takes to hiss."""

from jaxtyping import Float
from torch import Tensor

from vocoder.networks.interpolation import interpolate_knots


def warmth(
    voiced: float, probability: Float[Tensor, "batch knot"], hop_length: int
) -> Float[Tensor, "batch sample"] | None:
    """Factors of the temperature between the knots; none where it is 1 everywhere.

    Args:
        voiced: the factor in voiced sounds; in others it is 1, in between it goes by `probability`.
    """
    if voiced == 1:
        return None
    return interpolate_knots(1 + (voiced - 1) * probability, hop_length)
