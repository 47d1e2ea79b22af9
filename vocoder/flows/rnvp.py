"""R-NVP for images: couplings of checkerboards and of channels, with running batch norm between them."""

from vocoder.flows.base import Chain, Flow, Inverse
from vocoder.flows.batchnorm import BatchNorm
from vocoder.flows.coupling import SplitCoupling
from vocoder.flows.elementwise import Affine
from vocoder.flows.glow import MakeNetwork
from vocoder.flows.split import Split
from vocoder.flows.squeeze import Checkerboard, SqueezeImage


class RealNVP(Chain):
    """The multi-scale model for images (R-NVP, Dinh et al. 2017, sec. 3.6 and fig. 4), z of the shape of x.

    Each scale has three couplings of the colours of a checkerboard (its colours made channels, where the
    paper masks them), a 2×2 squeeze, and three couplings of halves of the channels; then half of the channels
    leave as they are. The last scale has four checkerboard couplings. Running batch norm follows each
    coupling; log-scales are bounded.

    Args:
        num_channels: of the images.
        make_network: makes the conditioner of each coupling.
        num_scales: height and width are multiples of 2^num_scales (2 at the last scale).
        bound: of the log-scales.
    """

    def __init__(
        self, num_channels: int, make_network: MakeNetwork, *, num_scales: int = 2, bound: float = 2.0
    ) -> None:
        squeezed = 4 * num_channels
        board, squeeze = Checkerboard(), SqueezeImage()
        last = num_scales == 1
        steps = [board, *_couplings(4 if last else 3, 2 * num_channels, make_network, bound), Inverse(board)]
        if not last:
            deeper = RealNVP(squeezed // 2, make_network, num_scales=num_scales - 1, bound=bound)
            steps += [squeeze, *_couplings(3, squeezed, make_network, bound)]
            steps += [Split(squeezed // 2, deeper), Inverse(squeeze)]
        super().__init__(steps)


def _couplings(number: int, num_channels: int, make_network: MakeNetwork, bound: float) -> list[Flow]:
    """Couplings that keep the first and the second half of the channels in turn, each with its batch norm."""
    transform = Affine(bound)
    steps: list[Flow] = []
    for turn in range(number):
        network = make_network(num_channels // 2, num_channels)
        steps += [SplitCoupling(network, swap=turn % 2 == 1, transform=transform), BatchNorm(num_channels)]
    return steps
