"""Batch normalisation as a flow, with the running moments of R-NVP."""

import math
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn

from vocoder.errors import InputError
from vocoder.flows.base import Flow

Batch = Float[Tensor, "batch channel *position"]
LogDet = Float[Tensor, " batch"]


class BatchNorm(Flow):
    """z = exp(γ) · (x - μ) / √(σ² + ε) + β, per channel, μ and σ² running means over the batches seen.

    In training `to_noise` first moves μ and σ² towards the moments of its batch by `momentum` (all the way at
    the first), and normalises by the moved values; gradients flow through the share of this batch (R-NVP,
    Dinh et al. 2017, appendix E). In evaluation, and in `to_data`, they stand still. So the log-determinant,
    P · Σ_c (γ_c - ½ log(σ_c² + ε)) for P positions in both modes, is that of the map that was applied with
    its moments held fixed, and `to_data` right after a training step undoes that very step. Under
    torch.distributed the batch is that of all ranks together, which must bring equal shares of it.

        >>> import torch
        >>> from vocoder.flows import BatchNorm
        >>> z, log_det = BatchNorm(3).to_noise(torch.randn(8, 3, 4, 4))

    Args:
        num_channels: axis 1 of x.
        momentum: share of the new batch.
        eps: ε.

    Raises:
        InputError: in training, an empty batch.
    """

    running_mean: Tensor
    running_variance: Tensor
    num_batches: Tensor

    def __init__(self, num_channels: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.log_gain = nn.Parameter(torch.zeros(num_channels))
        self.shift = nn.Parameter(torch.zeros(num_channels))
        self.register_buffer("running_mean", torch.zeros(num_channels))
        self.register_buffer("running_variance", torch.ones(num_channels))
        self.register_buffer("num_batches", torch.tensor(0))

    def to_noise(self, x: Batch, context: Any = None) -> tuple[Batch, LogDet]:
        mean, variance = self._update(x) if self.training else (self.running_mean, self.running_variance)
        log_scale = self._log_scale(variance)
        shift = self.shift - mean * log_scale.exp()
        z = x * _on_channels(log_scale.exp(), x) + _on_channels(shift, x)
        return z, _log_det(log_scale, x)

    def to_data(self, z: Batch, context: Any = None) -> tuple[Batch, LogDet]:
        log_scale = self._log_scale(self.running_variance)
        x = (z - _on_channels(self.shift, z)) * _on_channels((-log_scale).exp(), z)
        return x + _on_channels(self.running_mean, z), -_log_det(log_scale, z)

    def _log_scale(self, variance: Tensor) -> Tensor:
        return self.log_gain - 0.5 * torch.log(variance + self.eps)

    def _update(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The running moments moved towards those of `x`, with gradients; kept without."""
        values = x.to(self.running_mean).transpose(0, 1).flatten(1)  # [channel, batch · position]
        if not values.numel():
            raise InputError(
                f"BatchNorm: a batch in training moves the running moments; {tuple(x.shape)} has no values"
            )
        variance, mean = _over_ranks(*torch.var_mean(values, dim=1, correction=0))
        share = torch.where(self.num_batches == 0, 1.0, self.momentum).to(mean)
        mean = self.running_mean.lerp(mean, share)
        variance = self.running_variance.lerp(variance, share)
        with torch.no_grad():
            self.running_mean.copy_(mean)
            self.running_variance.copy_(variance)
            self.num_batches += 1
        return mean, variance


def _over_ranks(variance: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """The moments of the batches of all ranks together, with gradients to every rank's share."""
    if not (dist.is_available() and dist.is_initialized()):
        return variance, mean
    from torch.distributed.nn.functional import all_reduce

    world = dist.get_world_size()
    whole_mean = all_reduce(mean) / world
    return all_reduce(variance + (mean - whole_mean).square()) / world, whole_mean


def _on_channels(values: Tensor, x: Tensor) -> Tensor:
    return values.view(-1, *[1] * (x.dim() - 2))


def _log_det(log_scale: Tensor, x: Tensor) -> Tensor:
    return (log_scale.sum() * math.prod(x.shape[2:])).expand(x.shape[0])
