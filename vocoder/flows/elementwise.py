"""Maps of one element whose parameters a conditioner gives: what couplings and autoregressive flows apply.

The parameters of every element lie along axis 1: `[B, P, *element]` for elements `[B, *element]`.
"""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.distributions.location_scale import widen

Elements = Float[Tensor, "batch *element"]
Parameters = Float[Tensor, "batch parameter *element"]


@runtime_checkable
class Elementwise(Protocol):
    """An increasing map of one element; both directions return it with the logarithm of its derivative."""

    num_parameters: int

    def to_noise(self, x: Elements, parameters: Parameters) -> tuple[Elements, Elements]: ...

    def to_data(self, z: Elements, parameters: Parameters) -> tuple[Elements, Elements]: ...


class Affine:
    """z = x · exp(s) + t with parameters [t, s] (R-NVP, Dinh et al. 2017, eq. 8; Glow; WaveGlow).

    With `bound`, s is held in (-bound, bound) by bound · tanh(s / bound).
    """

    num_parameters = 2

    def __init__(self, bound: float | None = None) -> None:
        self.bound = bound

    def to_noise(self, x: Elements, parameters: Parameters) -> tuple[Elements, Elements]:
        shift, log_scale = self._read(parameters)
        return x * log_scale.exp() + shift, log_scale

    def to_data(self, z: Elements, parameters: Parameters) -> tuple[Elements, Elements]:
        shift, log_scale = self._read(parameters)
        return (z - shift) * (-log_scale).exp(), -log_scale

    def _read(self, parameters: Parameters) -> tuple[Tensor, Tensor]:
        shift, log_scale = widen(parameters).unbind(1)
        return shift, log_scale if self.bound is None else self.bound * torch.tanh(log_scale / self.bound)


class Standardize(Affine):
    """z = (x - μ) · exp(-s) with parameters [μ, s], the mean and log-scale of x; the inverse of `Affine`.

    (MAF, Papamakarios et al. 2017, eq. 3-4.)
    """

    def to_noise(self, x: Elements, parameters: Parameters) -> tuple[Elements, Elements]:
        return super().to_data(x, parameters)

    def to_data(self, z: Elements, parameters: Parameters) -> tuple[Elements, Elements]:
        return super().to_noise(z, parameters)


class Additive:
    """z = x + t with the parameter [t]; preserves volume (NICE, Dinh et al. 2015, eq. 10)."""

    num_parameters = 1

    def to_noise(self, x: Elements, parameters: Parameters) -> tuple[Elements, Elements]:
        return x + widen(parameters[:, 0]), x.new_zeros(()).expand_as(x)

    def to_data(self, z: Elements, parameters: Parameters) -> tuple[Elements, Elements]:
        return z - widen(parameters[:, 0]), z.new_zeros(()).expand_as(z)


class InverseElementwise:
    """A map with its directions exchanged.

    An IAF with `InverseElementwise(MixtureCDF())` has the density of a mixture given the noise before it, and
    no root to find on the way to noise.
    """

    def __init__(self, transform: Elementwise) -> None:
        self.transform = transform
        self.num_parameters = transform.num_parameters

    def to_noise(self, x: Elements, parameters: Parameters) -> tuple[Elements, Elements]:
        return self.transform.to_data(x, parameters)

    def to_data(self, z: Elements, parameters: Parameters) -> tuple[Elements, Elements]:
        return self.transform.to_noise(z, parameters)
