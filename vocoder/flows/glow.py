"""Glow: steps of actnorm, 1×1 convolution and coupling, in levels of falling resolution."""

from collections.abc import Callable

from torch import nn

from vocoder.flows.actnorm import ActNorm
from vocoder.flows.base import Chain, Flow, Inverse
from vocoder.flows.coupling import SplitCoupling
from vocoder.flows.elementwise import Affine, Elementwise
from vocoder.flows.invertible_conv import InvertibleConv, InvertibleConvLU
from vocoder.flows.split import Split
from vocoder.flows.squeeze import SqueezeImage

MakeNetwork = Callable[[int, int], nn.Module]
"""Makes a conditioner from its numbers of input and output channels."""


def glow_step(
    num_channels: int, make_network: MakeNetwork, *, transform: Elementwise | None = None, lu: bool = True
) -> Chain:
    """Actnorm, invertible 1×1 convolution, coupling (Kingma and Dhariwal 2018, fig. 2a).

    For vectors [B, C], sequences [B, C, T] and images [B, C, H, W] alike, as the network decides.
    """
    transform = transform or Affine()
    num_kept = num_channels // 2
    network = make_network(num_kept, transform.num_parameters * (num_channels - num_kept))
    mix = InvertibleConvLU(num_channels) if lu else InvertibleConv(num_channels)
    return Chain([ActNorm(num_channels), mix, SplitCoupling(network, transform=transform)])


class Glow(Chain):
    """The multi-scale model for images (Kingma and Dhariwal 2018, fig. 2b).

    Each level squeezes 2×2 pixels into channels, takes `num_steps` steps, and lets half of the channels leave
    with a prior learned from the other half, which goes down to the next level. z has the shape of x.

    Args:
        num_channels: of the images.
        make_network: makes the conditioner of each coupling and each prior.
        num_levels: how often the resolution is halved; height and width are multiples of 2^num_levels.
        num_steps: steps a level.
        transform: `Affine` by default, or `Additive`, or another map of the coupled elements.
        lu: parametrize the 1×1 convolutions by their LU decomposition.
    """

    def __init__(
        self,
        num_channels: int,
        make_network: MakeNetwork,
        *,
        num_levels: int = 2,
        num_steps: int = 4,
        transform: Elementwise | None = None,
        lu: bool = True,
    ) -> None:
        squeezed = 4 * num_channels
        steps: list[Flow] = [
            glow_step(squeezed, make_network, transform=transform, lu=lu) for _ in range(num_steps)
        ]
        if num_levels > 1:
            half = squeezed // 2
            deeper = Glow(
                half, make_network, num_levels=num_levels - 1, num_steps=num_steps, transform=transform, lu=lu
            )
            steps.append(Split(half, deeper, make_network(half, 2 * half)))
        super().__init__([SqueezeImage(), *steps, Inverse(SqueezeImage())])
