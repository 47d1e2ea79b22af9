"""Normalizing flows: one flow a file, one contract (`base.Flow`)."""

from vocoder.flows.base import Chain, Flow, Inverse
from vocoder.flows.coupling import MaskedCoupling, SplitCoupling, checkerboard_mask
from vocoder.flows.elementwise import Additive, Affine, Elementwise, Standardize

__all__ = [
    "Additive",
    "Affine",
    "Chain",
    "Elementwise",
    "Flow",
    "Inverse",
    "MaskedCoupling",
    "SplitCoupling",
    "Standardize",
    "checkerboard_mask",
]
