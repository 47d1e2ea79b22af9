"""A temperature of its own for voiced sounds: they want less noise than it takes to hiss."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from vocoder.networks.interpolation import interpolate_knots


class Warmth(NamedTuple):
    """Factors of the temperature at each sample."""

    below: Float[Tensor, "batch sample"]
    above: Float[Tensor, "batch sample"] | None = None  # the mel's last band, where it is another


def warmth(
    voiced: float, probability: Float[Tensor, "batch knot"], hop_length: int
) -> Float[Tensor, "batch sample"] | None:
    """Factors of the temperature between the knots; none where it is 1 everywhere.

    Args:
        voiced: the factor in voiced sounds; in others it is 1, in between it goes by `probability`.
    """
    if voiced == 1:
        return None
    return factors(voiced, probability, hop_length)


def factors(
    voiced: float, probability: Float[Tensor, "batch knot"], hop_length: int
) -> Float[Tensor, "batch sample"]:
    """As `warmth`, also where they are 1."""
    return interpolate_knots(1 + (voiced - 1) * probability, hop_length)


def warmth_by_band(
    voiced: float, above: float | None, probability: Float[Tensor, "batch knot"], hop_length: int
) -> Warmth | None:
    """As `warmth`, with a factor of its own above the mel's last band; None there is the same."""
    upper = voiced if above is None else above
    if voiced == upper:
        below = warmth(voiced, probability, hop_length)
        return None if below is None else Warmth(below)
    return Warmth(*(factors(value, probability, hop_length) for value in (voiced, upper)))
