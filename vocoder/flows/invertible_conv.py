"""The invertible 1×1 convolution: one learned rotation of the channels at every position."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vocoder.errors import NotInvertible
from vocoder.flows.base import Flow
from vocoder.networks.of_weights import OfWeights

Matrix = Float[Tensor, "channel channel"]


def random_rotation(size: int) -> Float[Tensor, "size size"]:
    """A random rotation (determinant +1): Q of the QR decomposition of a normal matrix."""
    rotation = torch.linalg.qr(torch.randn(size, size, dtype=torch.float64)).Q
    rotation[:, 0] *= torch.linalg.det(rotation).sign()
    return rotation.to(torch.get_default_dtype())


class InvertibleConv(Flow):
    """z = W x at every position, W a full matrix (Glow, Kingma and Dhariwal 2018, eq. 9).

    log|det| is that of W, taken in float64, times the number of positions. `to_data` inverts W in float64;
    in evaluation mode without gradients the inverse is kept until the weights or the mode change.

    Raises:
        NotInvertible: `to_data`, when training has made W singular.
    """

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self._inverse = OfWeights(_inverse)
        self._set_up(random_rotation(num_channels))

    def _set_up(self, rotation: Matrix) -> None:
        self.weight = nn.Parameter(rotation)

    def matrix(self) -> Matrix:
        """W, in float64."""
        return self.weight.double()

    def log_abs_det(self) -> Float[Tensor, ""]:
        """log|det W| in float64, in nats."""
        return torch.linalg.slogdet(self.matrix()).logabsdet

    def to_noise(
        self, x: Float[Tensor, "batch channel *position"], context: Any = None
    ) -> tuple[Float[Tensor, "batch channel *position"], Float[Tensor, " batch"]]:
        return _multiply(self.matrix(), x), self._log_det(x)

    def to_data(
        self, z: Float[Tensor, "batch channel *position"], context: Any = None
    ) -> tuple[Float[Tensor, "batch channel *position"], Float[Tensor, " batch"]]:
        return _multiply(self.inverse_matrix(), z), -self._log_det(z)

    def train(self, mode: bool = True) -> "InvertibleConv":
        self._inverse = OfWeights(_inverse)  # `weight.data` may have been written to, which nothing counts
        return super().train(mode)

    def inverse_matrix(self) -> Matrix:
        """W⁻¹, in float64; raises `NotInvertible`."""
        if self.training or torch.is_grad_enabled():
            return _invert(self.matrix())
        return self._inverse(self)

    def _log_det(self, x: Tensor) -> Tensor:
        num_positions = math.prod(x.shape[2:])
        wide = torch.promote_types(x.dtype, torch.float32)
        return (self.log_abs_det() * num_positions).to(wide).expand(x.shape[0])


class InvertibleConvLU(InvertibleConv):
    """W = P L (U + diag(s)): the permutation P fixed, the triangles learned (Glow, eq. 10 and 11).

    L has a unit diagonal, U a zero one; the sign of s is fixed and log|s| learned, so W cannot become
    singular and log|det W| = Σ log|s| costs nothing.
    """

    permutation: Tensor
    sign: Tensor

    def _set_up(self, rotation: Matrix) -> None:
        permutation, lower, upper = torch.linalg.lu(rotation)
        scale = upper.diagonal()
        self.register_buffer("permutation", permutation)
        self.register_buffer("sign", scale.sign())
        self.lower = nn.Parameter(lower.tril(-1))
        self.upper = nn.Parameter(upper.triu(1))
        self.log_scale = nn.Parameter(scale.abs().log())

    def matrix(self) -> Matrix:
        diagonal = self.sign.double() * self.log_scale.double().exp()
        lower = self.lower.double().tril(-1) + torch.eye(len(diagonal), device=diagonal.device)
        upper = self.upper.double().triu(1) + diagonal.diag()
        return self.permutation.double() @ lower @ upper

    def log_abs_det(self) -> Float[Tensor, ""]:
        return self.log_scale.double().sum()


def _multiply(matrix: Tensor, x: Tensor) -> Tensor:
    """`matrix` times the channels of `x`, in the dtype of `x` also under autocast: it is data, no feature."""
    matrix = matrix.to(x.dtype)
    with torch.autocast(x.device.type, enabled=False):
        if x.dim() == 2:
            return x @ matrix.T
        return (matrix @ x.flatten(2)).view_as(x)


def _inverse(convolution: InvertibleConv) -> Matrix:
    return _invert(convolution.matrix())


def _invert(matrix: Tensor) -> Tensor:
    inverse, failed = torch.linalg.inv_ex(matrix)
    if failed:
        raise NotInvertible(
            "InvertibleConv: the weight matrix has become singular; train with a lower learning rate, "
            "or use InvertibleConvLU, whose matrix is never singular"
        )
    return inverse
