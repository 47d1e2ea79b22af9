"""All flows, one line each: the laws in test_laws.py hold for every one of them.

A new flow is a new `FlowCase` in `FLOW_CASES`: its name, a function from the shape of one x to the flow, the
shapes to draw, and where they differ from the defaults its context, its autoregressive order and its
tolerance. Parameters are moved away from their initial values before a law is checked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import Linear, Module

from vocoder.flows import Chain, Flow, Inverse
from vocoder.flows.actnorm import ActNorm
from vocoder.flows.autoregressive import IAF, MAF
from vocoder.flows.batchnorm import BatchNorm
from vocoder.flows.context import ReadContext
from vocoder.flows.coupling import MaskedCoupling, SplitCoupling, checkerboard_mask
from vocoder.flows.elementwise import Additive, Affine, InverseElementwise
from vocoder.flows.flowpp import FlowPP
from vocoder.flows.glow import Glow, glow_step
from vocoder.flows.invertible_conv import InvertibleConv, InvertibleConvLU
from vocoder.flows.linear_filter import FrameFilters, LinearFilter
from vocoder.flows.mixture_cdf import MixtureCDF
from vocoder.flows.permutation import Permutation, Reverse
from vocoder.flows.planar import Planar
from vocoder.flows.radial import Radial
from vocoder.flows.rnvp import RealNVP
from vocoder.flows.split import Split
from vocoder.flows.squeeze import Checkerboard, SqueezeImage, SqueezeTime
from vocoder.flows.triangular import Triangular
from vocoder.networks.attention import GatedAttention
from vocoder.networks.autoregressive import Delayed
from vocoder.networks.convnet import ConvNet
from vocoder.networks.made import MADE
from vocoder.networks.masked_conv import PixelCNN
from vocoder.networks.mlp import MLP
from vocoder.networks.wavenet import WaveNet

CONTEXT_CHANNELS = 3
Shape = tuple[int, ...]


def no_context(batch: int, shape: Shape) -> None:
    return None


def vector_context(batch: int, shape: Shape) -> Tensor:
    return torch.randn(batch, CONTEXT_CHANNELS)


def series_context(batch: int, shape: Shape) -> Tensor:
    return torch.randn(batch, CONTEXT_CHANNELS, shape[-1])


def vectors(smallest: int = 2, largest: int = 6) -> st.SearchStrategy[Shape]:
    return st.tuples(st.integers(smallest, largest))


def sequences(channels: st.SearchStrategy[int], longest: int = 7) -> st.SearchStrategy[Shape]:
    return st.tuples(channels, st.integers(2, longest))


def images(channels: st.SearchStrategy[int], largest: int = 3) -> st.SearchStrategy[Shape]:
    return st.tuples(channels, st.integers(2, largest), st.integers(2, largest))


def time_order(flow: Flow, shape: Shape) -> Tensor:
    """The last axis is time; all channels of a time step come together."""
    return torch.arange(shape[-1]).expand(shape)


def sample_order(flow: Flow, shape: Shape) -> Tensor:
    """Time step by time step, and within a time step channel by channel."""
    return torch.arange(shape[0] * shape[1]).view(shape[1], shape[0]).T


def made_order(flow: Flow, shape: Shape) -> Tensor:
    autoregressive = flow.flow if isinstance(flow, IAF) else flow
    return autoregressive.conditioner.rank


def raster_order(flow: Flow, shape: Shape) -> Tensor:
    """Row by row, column by column, channel by channel."""
    channels, height, width = shape
    return torch.arange(channels * height * width).view(height, width, channels).permute(2, 0, 1)


@dataclass(frozen=True)
class FlowCase:
    """One flow under the laws.

    `make` maps the shape of one x (without batch) to a flow; `context` makes the context of a batch; `order`
    gives each element of x its place in the autoregressive order (equal places: computed together);
    `tolerance` is that of the float32 inverse, absolute and relative; `spread` the size of the random
    change of the parameters.
    """

    name: str
    make: Callable[[Shape], Flow]
    shapes: st.SearchStrategy[Shape]
    context: Callable[[int, Shape], Any] = no_context
    order: Callable[[Flow, Shape], Tensor] | None = None
    tolerance: float = 1e-4
    spread: float = 0.4


def split_mlp(shape: Shape, num_parameters: int = 2, context: int = 0) -> MLP:
    kept = shape[0] // 2
    return MLP(kept, num_parameters * (shape[0] - kept), hidden=16, context_features=context)


def anything(fewest_channels: int = 1) -> st.SearchStrategy[Shape]:
    """A vector, a sequence or an image."""
    channels = st.integers(fewest_channels, 4)
    return st.one_of(vectors(fewest_channels), sequences(channels), images(channels))


def even_images(num_channels: int) -> st.SearchStrategy[Shape]:
    return st.tuples(st.just(num_channels), st.sampled_from([2, 4]), st.sampled_from([2, 4]))


def small_convnet(in_channels: int, out_channels: int) -> ConvNet:
    return ConvNet(in_channels, out_channels, hidden=6)


def small_attention(in_channels: int, out_channels: int) -> GatedAttention:
    return GatedAttention(in_channels, out_channels, hidden=8, num_blocks=1, num_heads=2)


def causal_wavenet(shape: Shape, context: int = 0, num_parameters: int = 2) -> Delayed:
    network = WaveNet(
        shape[0],
        num_parameters * shape[0],
        causal=True,
        kernel_size=2,
        num_layers=3,
        residual_channels=6,
        skip_channels=0 if context else 4,
        head_channels=5,
        context_channels=context,
    )
    return Delayed(network, num_parameters)


def coupling_wavenet(shape: Shape) -> WaveNet:
    kept, moved = shape[0] // 2, shape[0] - shape[0] // 2
    return WaveNet(kept, 2 * moved, causal=False, num_layers=2, context_channels=3, weight_norm=True)


class KnotFilters(Module):
    """A series context, read once a hop, to the taps and the shift of a linear filter."""

    def __init__(self, hop_length: int, num_taps: int) -> None:
        super().__init__()
        self.hop_length = hop_length
        self.taps = Linear(CONTEXT_CHANNELS, num_taps)
        self.shift = Linear(CONTEXT_CHANNELS, 1)

    def forward(self, context: Tensor) -> FrameFilters:
        series = context.mT  # [batch, time, channel]
        knots = self.taps(torch.cat([series[:, :: self.hop_length], series[:, -1:]], dim=1))
        taps = torch.cat([knots[..., :1].exp(), 0.3 * knots[..., 1:]], dim=-1)
        return FrameFilters(taps, self.shift(series).mT)


channels = st.integers(1, 3)
whole_hops = st.tuples(st.just(1), st.sampled_from([2, 4, 6, 8]))

FLOW_CASES = [
    FlowCase("planar_tanh", lambda s: Planar(*s), vectors(1)),
    FlowCase("planar_tanh_context", lambda s: Planar(*s, context_features=3), vectors(1), vector_context),
    FlowCase("planar_leaky_relu", lambda s: Planar(*s, activation="leaky_relu"), vectors(1)),
    FlowCase("radial", lambda s: Radial(*s), vectors(1)),
    FlowCase("radial_context", lambda s: Radial(*s, context_features=3), vectors(1), vector_context),
    FlowCase("rnvp_split", lambda s: SplitCoupling(split_mlp(s)), vectors()),
    FlowCase("rnvp_split_context", lambda s: SplitCoupling(split_mlp(s, 2, 3)), vectors(), vector_context),
    FlowCase("rnvp_bounded", lambda s: SplitCoupling(split_mlp(s), transform=Affine(bound=2.0)), vectors()),
    FlowCase("nice_additive", lambda s: SplitCoupling(split_mlp(s, 1), transform=Additive()), vectors()),
    FlowCase(
        "rnvp_swapped", lambda s: SplitCoupling(split_mlp(s), swap=True), vectors().map(lambda s: (2 * s[0],))
    ),
    FlowCase("rnvp_masked", lambda s: MaskedCoupling(MLP(*s, 2 * s[0]), checkerboard_mask(*s)), vectors()),
    FlowCase("rnvp_batch_norm", lambda s: BatchNorm(s[0]), vectors(1) | images(channels)),
    FlowCase(
        "permutation", lambda s: Permutation(torch.randperm(s[0]).tolist()), vectors(1) | images(channels)
    ),
    FlowCase("reverse_channels", lambda s: Reverse(), vectors(1) | images(channels)),
    FlowCase("reverse_time", lambda s: Reverse(axis=-1), sequences(channels)),
    FlowCase("maf_made", lambda s: MAF(MADE(*s, hidden=16)), vectors(), order=made_order),
    FlowCase("maf_made_random", lambda s: MAF(MADE(*s, order="random")), vectors(), order=made_order),
    FlowCase(
        "maf_made_context",
        lambda s: MAF(MADE(*s, context_features=3, residual=True)),
        vectors(),
        vector_context,
        made_order,
    ),
    FlowCase("iaf_made", lambda s: IAF(MADE(*s, hidden=16)), vectors(), order=made_order),
    FlowCase(
        "iaf_made_context",
        lambda s: IAF(MADE(*s, context_features=3, order="random")),
        vectors(),
        vector_context,
        made_order,
    ),
    FlowCase(
        "maf_mixture_cdf", lambda s: MAF(MADE(*s, 8), transform=MixtureCDF(2)), vectors(), order=made_order
    ),
    FlowCase("maf_wavenet", lambda s: MAF(causal_wavenet(s)), sequences(channels), order=time_order),
    FlowCase(
        "maf_wavenet_context",
        lambda s: MAF(causal_wavenet(s, 3)),
        sequences(channels),
        series_context,
        time_order,
    ),
    FlowCase("iaf_wavenet", lambda s: IAF(causal_wavenet(s)), sequences(channels), order=time_order),
    FlowCase(
        "iaf_wavenet_context",
        lambda s: IAF(causal_wavenet(s, 3)),
        sequences(channels),
        vector_context,
        time_order,
    ),
    FlowCase("maf_pixelcnn", lambda s: MAF(PixelCNN(s[0], hidden=16)), images(channels), order=raster_order),
    FlowCase(
        "iaf_triangular",
        lambda s: IAF(causal_wavenet(s, num_parameters=2 + s[0]), transform=Triangular(s[0])),
        sequences(channels),
        order=sample_order,
    ),
    FlowCase(
        "linear_filter",
        lambda s: LinearFilter(2, KnotFilters(2, num_taps=4)),
        whole_hops,
        series_context,
        time_order,
    ),
    FlowCase(
        "linear_filter_whitening",
        lambda s: Inverse(LinearFilter(2, KnotFilters(2, num_taps=4))),
        whole_hops,
        series_context,
        time_order,
    ),
    FlowCase(
        "maf_pixelcnn_context",
        lambda s: MAF(PixelCNN(s[0], hidden=16, context_channels=3)),
        images(channels),
        vector_context,
        raster_order,
    ),
    FlowCase(
        "coupling_wavenet",
        lambda s: SplitCoupling(coupling_wavenet(s)),
        sequences(st.just(4)),
        series_context,
    ),
    FlowCase(
        "coupling_convnet",
        lambda s: MaskedCoupling(ConvNet(s[0], 2 * s[0], hidden=8), checkerboard_mask(*s[1:])),
        images(channels),
    ),
    FlowCase(
        "chain",
        lambda s: Chain([MAF(MADE(*s)), BatchNorm(*s), Reverse(), IAF(MADE(*s)), Planar(*s)]),
        vectors(),
        spread=0.2,
    ),
    FlowCase("actnorm", lambda s: ActNorm(s[0]), anything()),
    FlowCase("invertible_conv", lambda s: InvertibleConv(s[0]), anything(2)),
    FlowCase("invertible_conv_lu", lambda s: InvertibleConvLU(s[0]), anything(2)),
    FlowCase("squeeze_time", lambda s: SqueezeTime(3), st.just((3, 6))),
    FlowCase("squeeze_image", lambda s: SqueezeImage(), even_images(4)),
    FlowCase("checkerboard", lambda s: Checkerboard(), even_images(2)),
    FlowCase("split", lambda s: Split(1, ActNorm(s[0] - 1)), anything(2)),
    FlowCase("split_prior", lambda s: Split(1, prior=MLP(s[0] - 1, 2)), vectors()),
    FlowCase("glow_step_additive", lambda s: glow_step(*s, MLP, transform=Additive(), lu=False), vectors()),
    FlowCase("glow", lambda s: Glow(s[0], small_convnet, num_steps=2), st.just((1, 4, 8)), spread=0.2),
    FlowCase(
        "mixture_cdf_split", lambda s: SplitCoupling(split_mlp(s, 11), transform=MixtureCDF(3)), vectors()
    ),
    FlowCase(
        "iaf_mixture_cdf",
        lambda s: IAF(MADE(*s, 11, hidden=16), transform=InverseElementwise(MixtureCDF(3))),
        vectors(),
        order=made_order,
    ),
    FlowCase("flowpp", lambda s: FlowPP(1, small_attention, num_steps=(1, 1, 1)), st.just((1, 4, 4))),
    FlowCase("rnvp_images", lambda s: RealNVP(1, small_convnet), st.just((1, 4, 4)), spread=0.2),
    FlowCase(
        "read_context",
        lambda s: ReadContext(Linear(CONTEXT_CHANNELS, 5), SplitCoupling(split_mlp(s, 2, 5))),
        vectors(),
        vector_context,
    ),
]
