"""Flow++: mixture-CDF couplings of checkerboards and channels, conditioned by gated attention."""

from functools import partial

from vocoder.flows.base import Chain, Flow, Inverse
from vocoder.flows.glow import MakeNetwork, glow_step
from vocoder.flows.mixture_cdf import MixtureCDF
from vocoder.flows.squeeze import Checkerboard, SqueezeImage


class FlowPP(Chain):
    """The image model of Flow++ (Ho et al. 2019, sec. 3.2-3.3 and app. A), z of the shape of x.

    Couplings of the two colours of a checkerboard, of the channels after a 2×2 squeeze, and of the
    checkerboard again. Each is a Glow step (actnorm, 1×1 convolution, coupling) with a mixture-CDF map.

    Args:
        num_channels: of the images; height and width are multiples of 4.
        make_network: makes the conditioner of each coupling, such as `GatedAttention`.
        num_steps: couplings of the first checkerboard, of the channels and of the last checkerboard.
        num_components: logistics in each mixture.
    """

    def __init__(
        self,
        num_channels: int,
        make_network: MakeNetwork,
        *,
        num_steps: tuple[int, int, int] = (4, 2, 3),
        num_components: int = 8,
    ) -> None:
        step = partial(glow_step, make_network=make_network, transform=MixtureCDF(num_components))
        first, channels, last = num_steps
        board, squeeze = Checkerboard(), SqueezeImage()
        flows: list[Flow] = [board, *(step(2 * num_channels) for _ in range(first)), Inverse(board)]
        flows += [squeeze, *(step(4 * num_channels) for _ in range(channels))]
        flows += [board, *(step(8 * num_channels) for _ in range(last)), Inverse(board), Inverse(squeeze)]
        super().__init__(flows)
