"""A density of images of integers: dequantization, a logit of the range, a flow."""

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from training.density.digits import LEVELS
from vocoder.flows import (
    Affine,
    Chain,
    Checkerboard,
    Flow,
    FlowDistribution,
    Inverse,
    InvertibleConvLU,
    Logit,
    ReadContext,
    SplitCoupling,
    UniformDequantization,
    VariationalDequantization,
)
from vocoder.flows.dequantization import Dequantization
from vocoder.networks.convnet import ConvNet

Images = Float[Tensor, "batch 1 8 8"]


def standard_normal(*shape: int) -> Distribution:
    """The base of all flows here: independent standard normals of one event shape."""
    return Independent(Normal(torch.zeros(shape), torch.ones(shape), validate_args=False), len(shape))


class ImageModel(nn.Module):
    """P(x) of images of integers 0 … 15, by a flow and a dequantization."""

    def __init__(self, flow: Flow, dequantization: Dequantization) -> None:
        super().__init__()
        self.flow = Chain([Logit(float(LEVELS)), flow])
        self.dequantization = dequantization

    @property
    def density(self) -> FlowDistribution:
        """Of the dequantized images, reals in [0, 16)."""
        return FlowDistribution(self.flow, standard_normal(1, 8, 8))

    def log_prob_bound(self, x: Images, generator: torch.Generator | None = None) -> Float[Tensor, " batch"]:
        """One draw of the lower bound of log P(x), in nats."""
        y, log_q = self.dequantization(x, generator)
        return self.density.log_prob(y) - log_q


class ImageReader(nn.Module):
    """Features of an image of integers, at the places of its squeezed checkerboard."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.board = Checkerboard()
        self.network = nn.Sequential(
            nn.Conv2d(2, num_features, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(num_features, num_features, 3, padding=1),
        )

    def forward(self, image: Images) -> Float[Tensor, "batch feature 8 4"]:
        colours, _ = self.board.to_noise(2 * image / LEVELS - 1)
        return self.network(colours)


def make_dequantization(kind: str, width: int = 16, num_steps: int = 4) -> Dequantization:
    """`uniform`, or `variational`: couplings of the colours of a checkerboard that read the image."""
    if kind == "uniform":
        return UniformDequantization()
    network = partial(ConvNet, hidden=width, context_channels=width)
    board = Checkerboard()
    steps = [
        Chain([InvertibleConvLU(2), SplitCoupling(network(1, 2), transform=Affine(2.0))])
        for _ in range(num_steps)
    ]
    noise = Chain([board, *steps, Inverse(board)])
    return VariationalDequantization(ReadContext(ImageReader(width), Inverse(noise)))
