"""Densities of audio samples: logistic, Gaussian, mixtures of them; exact likelihoods of N-bit PCM; mu-law.

>>> import torch
>>> from vocoder.distributions import Logistic, Mixture, QuantizationGrid
>>> mixture = Mixture.from_parameters(torch.zeros(1, 30, 4), Logistic)  # 10 components, 4 samples
>>> mixture.bin_log_prob(torch.tensor([[0, 100, 32768, 65535]]), QuantizationGrid(bits=16)).shape
torch.Size([1, 4])
"""

from vocoder.distributions.categorical import MuLawCategorical
from vocoder.distributions.location_scale import Gaussian, LocationScale, Logistic
from vocoder.distributions.mixture import CdfTerms, Mixture
from vocoder.distributions.quantization import (
    QuantizationGrid,
    mu_law_decode,
    mu_law_dequantize,
    mu_law_encode,
    mu_law_quantize,
)

__all__ = [
    "CdfTerms",
    "Gaussian",
    "LocationScale",
    "Logistic",
    "Mixture",
    "MuLawCategorical",
    "QuantizationGrid",
    "mu_law_decode",
    "mu_law_dequantize",
    "mu_law_encode",
    "mu_law_quantize",
]
