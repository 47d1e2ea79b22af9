"""Speed of flows against nflows, zuko and normflows: the same map, the same sizes, in turns in one run."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from vocoder.errors import InputError
from vocoder.evaluation.extras import optional
from vocoder.flows import (
    MAF,
    ActNorm,
    Chain,
    Flow,
    InvertibleConvLU,
    MaskedCoupling,
    Planar,
    Radial,
    SplitCoupling,
    SqueezeImage,
    checkerboard_mask,
)
from vocoder.networks.made import MADE
from vocoder.networks.mlp import MLP

Call = Callable[[], object]
MIN_ROUNDS, MAX_ROUNDS = 15, 400


class Size(NamedTuple):
    """Length of the vectors, hidden units of the conditioners, vectors at a time."""

    num_features: int
    hidden: int
    batch: int


SIZES = (Size(16, 64, 256), Size(64, 256, 256))


class Contest(NamedTuple):
    """One direction of one flow: ours and those of peers, ready to be called."""

    flow: str
    direction: str
    calls: dict[str, Call]


class PeerTime(NamedTuple):
    """Median wall microseconds of ours and of one peer's."""

    flow: str
    size: Size
    direction: str
    peer: str
    ours_us: float
    peer_us: float

    @property
    def ratio(self) -> float:
        """Ours by theirs: below one is faster."""
        return self.ours_us / self.peer_us


@torch.no_grad()
def measure_peers(sizes: Sequence[Size] = SIZES, *, seconds: float = 1.0) -> list[PeerTime]:
    """Time every shared flow in both directions, each contestant for about `seconds`.

    Raises:
        MissingExtra: a peer is not installed.
        InputError: a size below two, or no time.
    """
    if seconds <= 0 or any(min(size) < 2 or size.num_features % 2 for size in sizes):
        raise InputError(
            f"sizes must be at least two, features even, seconds positive, got {list(sizes)}, {seconds}"
        )
    rows = []
    for size in sizes:
        torch.manual_seed(0)
        for flow, direction, calls in contests(size):
            times = race(calls, seconds=seconds)
            ours = times.pop("ours")
            rows += [PeerTime(flow, size, direction, peer, ours, theirs) for peer, theirs in times.items()]
    return rows


def race(calls: dict[str, Call], *, seconds: float) -> dict[str, float]:
    """Median microseconds of each, called in turns so that all see the same machine."""
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    end = time.perf_counter() + seconds * len(calls)
    for turn in range(MAX_ROUNDS):
        if turn >= MIN_ROUNDS and time.perf_counter() > end:
            break
        for name, call in calls.items():
            begun = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - begun)
    return {name: 1e6 * statistics.median(values) for name, values in times.items()}


def contests(size: Size) -> Iterator[Contest]:
    """Every flow that is shared, in the directions that the peer has."""
    nflows, zuko, normflows = (
        optional(name, "the race of flows", "flow-peers")
        for name in ("nflows.transforms", "zuko", "normflows")
    )
    x = torch.randn(size.batch, size.num_features)
    yield from _autoregressive(size, x, nflows, zuko)
    yield from _couplings(size, x, nflows, zuko, normflows)
    yield from _moved(size, x, normflows)
    yield from _linear(size, x, nflows, normflows)


def _autoregressive(size: Size, x: Tensor, nflows: Any, zuko: Any) -> Iterator[Contest]:
    dim, hidden, _ = size
    residual = MAF(MADE(dim, hidden=hidden, num_layers=2, residual=True))
    theirs = nflows.MaskedAffineAutoregressiveTransform(dim, hidden, num_blocks=2, use_residual_blocks=True)
    yield from _pair("MAF, residual MADE", x, residual, nflows=theirs)
    lazy = zuko.flows.MaskedAutoregressiveTransform(dim, hidden_features=(hidden,) * 3)
    yield from _pair("MAF, MADE", x, MAF(MADE(dim, hidden=hidden, num_layers=2)), zuko=lazy)


def _couplings(size: Size, x: Tensor, nflows: Any, zuko: Any, normflows: Any) -> Iterator[Contest]:
    dim, hidden, _ = size

    def network(num_in: int, num_out: int) -> nn.Module:
        return _WithoutContext(MLP(num_in, num_out, hidden=hidden))

    yield from _pair(
        "affine coupling, split",
        x,
        SplitCoupling(network(dim // 2, dim)),
        nflows=nflows.AffineCouplingTransform(torch.arange(dim) % 2, network),
        zuko=zuko.flows.coupling.GeneralCouplingTransform(
            dim, hidden_features=(hidden, hidden), activation=nn.SiLU
        ),
    )
    mask = checkerboard_mask(dim)
    layers = [dim, hidden, hidden, dim]
    theirs = normflows.flows.MaskedAffineFlow(
        mask.float(), normflows.nets.MLP(layers), normflows.nets.MLP(layers)
    )
    yield from _pair(
        "affine coupling, masked", x, MaskedCoupling(MLP(dim, 2 * dim, hidden=hidden), mask), normflows=theirs
    )


def _moved(size: Size, x: Tensor, normflows: Any) -> Iterator[Contest]:
    """normflows' planar tanh and radial flows know one direction."""
    dim = size.num_features
    for flow, ours, theirs, both in [
        ("planar, tanh", Planar(dim), normflows.flows.Planar((dim,)), False),
        (
            "planar, leaky ReLU",
            Planar(dim, activation="leaky_relu"),
            normflows.flows.Planar((dim,), act="leaky_relu"),
            True,
        ),
        ("radial", Radial(dim), normflows.flows.Radial((dim,)), False),
    ]:
        directions = list(_pair(flow, x, ours, normflows=theirs))
        yield from directions if both else directions[:1]


def _linear(size: Size, x: Tensor, nflows: Any, normflows: Any) -> Iterator[Contest]:
    """Of vectors, and of images of 8×8 with as many channels."""
    dim = size.num_features
    image = torch.randn(size.batch // 8, dim, 8, 8)
    yield from _pair("actnorm", x, ActNorm(dim), nflows=nflows.ActNorm(dim))
    yield from _pair("LU, vectors", x, InvertibleConvLU(dim), nflows=nflows.LULinear(dim))
    yield from _pair(
        "LU 1×1 convolution",
        image,
        InvertibleConvLU(dim),
        nflows=nflows.OneByOneConvolution(dim),
        normflows=_Exchanged(normflows.flows.Invertible1x1Conv(dim, use_lu=True)),
    )
    yield from _pair("squeeze", image, SqueezeImage(), nflows=nflows.SqueezeTransform())
    block = normflows.flows.GlowBlock(dim, size.hidden)
    net = normflows.nets.ConvNet2d((dim // 2, size.hidden, size.hidden, dim), (3, 1, 3))
    step = Chain([ActNorm(dim), InvertibleConvLU(dim), SplitCoupling(_WithoutContext(net))])
    yield from _pair("Glow step", image, step, normflows=_Exchanged(block))


def _pair(flow: str, x: Tensor, ours: Flow, **peers: nn.Module) -> Iterator[Contest]:
    """Both directions of modules whose data-dependent state is set by `x`; z is what ours makes of it."""
    forward = {name: _directions(name, peer) for name, peer in peers.items()}
    for module in (ours, *peers.values()):
        module.train()
    ours.to_noise(x)
    for to_noise, _ in forward.values():
        to_noise(x)
    for module in (ours, *peers.values()):
        module.eval()
    z, _ = ours.to_noise(x)
    calls: dict[str, Call] = {name: lambda f=f: f[0](x) for name, f in forward.items()}  # type: ignore[misc]
    yield Contest(flow, "to_noise", {"ours": lambda: ours.to_noise(x), **calls})
    calls = {name: lambda f=f: f[1](z) for name, f in forward.items()}  # type: ignore[misc]
    yield Contest(flow, "to_data", {"ours": lambda: ours.to_data(z), **calls})


def _directions(library: str, flow: Any) -> tuple[Callable[[Tensor], object], Callable[[Tensor], object]]:
    """As each library is called: zuko makes the transform from its lazy form at every use."""
    if library == "zuko":
        return lambda x: flow().call_and_ladj(x), lambda z: flow().inv.call_and_ladj(z)
    return flow.forward, flow.inverse


class _WithoutContext(nn.Module):
    """A network called with a context that is not there."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, context: None = None) -> Tensor:
        return self.network(x)


class _Exchanged(nn.Module):
    """A flow of normflows that names its sampling direction `forward`."""

    def __init__(self, flow: Any) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, x: Tensor) -> Any:
        return self.flow.inverse(x)

    def inverse(self, z: Tensor) -> Any:
        return self.flow(z)
