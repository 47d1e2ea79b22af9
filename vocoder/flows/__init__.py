"""Normalizing flows: one flow a file, one contract (`base.Flow`)."""

from vocoder.flows.actnorm import ActNorm
from vocoder.flows.autoregressive import IAF, MAF
from vocoder.flows.base import Chain, Flow, Inverse
from vocoder.flows.batchnorm import BatchNorm
from vocoder.flows.context import ReadContext
from vocoder.flows.coupling import MaskedCoupling, SplitCoupling, checkerboard_mask
from vocoder.flows.dequantization import UniformDequantization, VariationalDequantization
from vocoder.flows.distribution import FlowDistribution
from vocoder.flows.elementwise import Additive, Affine, Elementwise, InverseElementwise, Standardize
from vocoder.flows.flowpp import FlowPP
from vocoder.flows.glow import Glow, glow_step
from vocoder.flows.invertible_conv import InvertibleConv, InvertibleConvLU
from vocoder.flows.linear_filter import FrameFilters, LinearFilter
from vocoder.flows.logit import Logit
from vocoder.flows.mixture_cdf import MixtureCDF
from vocoder.flows.permutation import Permutation, Reverse
from vocoder.flows.planar import Planar
from vocoder.flows.radial import Radial
from vocoder.flows.rnvp import RealNVP
from vocoder.flows.split import Split
from vocoder.flows.squeeze import Checkerboard, SqueezeImage, SqueezeTime

__all__ = [
    "IAF",
    "MAF",
    "ActNorm",
    "Additive",
    "Affine",
    "BatchNorm",
    "Chain",
    "Checkerboard",
    "Elementwise",
    "Flow",
    "FlowDistribution",
    "FlowPP",
    "FrameFilters",
    "Glow",
    "Inverse",
    "InverseElementwise",
    "InvertibleConv",
    "InvertibleConvLU",
    "LinearFilter",
    "Logit",
    "MaskedCoupling",
    "MixtureCDF",
    "Permutation",
    "Planar",
    "Radial",
    "ReadContext",
    "RealNVP",
    "Reverse",
    "Split",
    "SplitCoupling",
    "SqueezeImage",
    "SqueezeTime",
    "Standardize",
    "UniformDequantization",
    "VariationalDequantization",
    "checkerboard_mask",
    "glow_step",
]
