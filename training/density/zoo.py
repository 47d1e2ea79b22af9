"""The flows that are trained to be looked at: small ones, about equal in size on one kind of data."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from vocoder.errors import ConfigError
from vocoder.flows import (
    IAF,
    MAF,
    ActNorm,
    Affine,
    BatchNorm,
    Chain,
    Flow,
    FlowPP,
    Glow,
    InverseElementwise,
    MixtureCDF,
    Planar,
    Radial,
    RealNVP,
    Reverse,
    SplitCoupling,
    glow_step,
)
from vocoder.networks.attention import GatedAttention
from vocoder.networks.convnet import ConvNet, ShallowConvNet
from vocoder.networks.made import MADE
from vocoder.networks.masked_conv import PixelCNN
from vocoder.networks.mlp import MLP

BOUNDED = Affine(bound=3.0)
"""Free log-scales overflow at the learning rates that these small flows want."""


@dataclass(frozen=True)
class Entry:
    """A flow of the zoo and how it is trained."""

    make: Callable[[], Flow]
    steps: int
    lr: float


def _coupled(*, num_couplings: int) -> Flow:
    flows: list[Flow] = [ActNorm(2)]
    for turn in range(num_couplings):
        flows += [SplitCoupling(MLP(1, 2), swap=turn % 2 == 1, transform=BOUNDED), BatchNorm(2)]
    return Chain(flows)


def _autoregressive(*, number: int, make: Callable[[], Flow]) -> Flow:
    flows: list[Flow] = []
    for _ in range(number):
        flows += [ActNorm(2), make(), Reverse()]
    return Chain(flows)


def _maf_affine() -> Flow:
    return MAF(MADE(2, 2), transform=BOUNDED)


def _maf() -> Flow:
    mixture = MixtureCDF(16)
    return MAF(MADE(2, mixture.num_parameters), transform=mixture)


def _iaf() -> Flow:
    mixture = MixtureCDF(16)
    return IAF(MADE(2, mixture.num_parameters), transform=InverseElementwise(mixture))


def _stepped(*, number: int, transform: Affine | MixtureCDF) -> Flow:
    return Chain([glow_step(2, MLP, transform=transform) for _ in range(number)])


def _moved(*, number: int, kind: type[Planar] | type[Radial]) -> Flow:
    return Chain([ActNorm(2), *(kind(2) for _ in range(number))])


PLANE = {
    "planar": Entry(partial(_moved, number=32, kind=Planar), steps=1500, lr=1e-2),
    "radial": Entry(partial(_moved, number=32, kind=Radial), steps=1500, lr=1e-2),
    "rnvp": Entry(partial(_coupled, num_couplings=8), steps=1500, lr=5e-3),
    "glow": Entry(partial(_stepped, number=8, transform=BOUNDED), steps=1500, lr=5e-3),
    "maf-affine": Entry(partial(_autoregressive, number=8, make=_maf_affine), steps=1500, lr=5e-3),
    "maf": Entry(partial(_autoregressive, number=2, make=_maf), steps=1500, lr=1e-2),
    "iaf": Entry(partial(_autoregressive, number=2, make=_iaf), steps=1500, lr=1e-2),
    "flowpp": Entry(partial(_stepped, number=4, transform=MixtureCDF(16)), steps=1500, lr=1e-2),
}
"""Of points in the plane. `maf`, `iaf` and `flowpp` are of mixtures, the others of single affine maps."""

DROPOUT = 0.1
STEPS = 1000


def _pixelcnn() -> Flow:
    mixture = MixtureCDF(8)
    network = PixelCNN(1, mixture.num_parameters, hidden=64, num_blocks=4)
    return Chain([ActNorm(1), MAF(network, transform=mixture)])


_attention = partial(GatedAttention, hidden=16, num_blocks=1, dropout=DROPOUT)


_residual = partial(ConvNet, hidden=35, dropout=DROPOUT)
_shallow = partial(ShallowConvNet, hidden=45, dropout=DROPOUT)

DIGITS = {
    "rnvp": Entry(lambda: RealNVP(1, _residual), steps=STEPS, lr=2e-3),
    "glow": Entry(lambda: Glow(1, _shallow, num_steps=12), steps=STEPS, lr=2e-3),
    "flowpp": Entry(lambda: FlowPP(1, _attention), steps=STEPS, lr=2e-3),
    "pixelcnn": Entry(_pixelcnn, steps=STEPS, lr=2e-3),
}
"""Of images of 8×8 pixels, after a logit of their range: about 140 thousand parameters each, trained alike.

Each has the conditioner of its paper: residual (R-NVP), shallow and wide (Glow), gated attention (Flow++).
"""


def choose(zoo: dict[str, Entry], flow: str, data: str) -> Entry:
    """The entry of that name.

    Raises:
        ConfigError: there is none for this kind of data; the message lists those there are.
    """
    if flow not in zoo:
        raise ConfigError(f"flow {flow!r} is not trained on {data}; choose {', '.join(zoo)}")
    return zoo[flow]
