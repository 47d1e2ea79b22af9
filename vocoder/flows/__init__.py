"""Normalizing flows: one flow a file, one contract (`base.Flow`)."""

from vocoder.flows.autoregressive import IAF, MAF
from vocoder.flows.base import Chain, Flow, Inverse
from vocoder.flows.batchnorm import BatchNorm
from vocoder.flows.coupling import MaskedCoupling, SplitCoupling, checkerboard_mask
from vocoder.flows.distribution import FlowDistribution
from vocoder.flows.elementwise import Additive, Affine, Elementwise, Standardize
from vocoder.flows.permutation import Permutation, Reverse
from vocoder.flows.planar import Planar
from vocoder.flows.radial import Radial

__all__ = [
    "IAF",
    "MAF",
    "Additive",
    "Affine",
    "BatchNorm",
    "Chain",
    "Elementwise",
    "Flow",
    "FlowDistribution",
    "Inverse",
    "MaskedCoupling",
    "Permutation",
    "Planar",
    "Radial",
    "Reverse",
    "SplitCoupling",
    "Standardize",
    "checkerboard_mask",
]
