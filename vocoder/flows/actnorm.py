"""Activation normalisation: a scale and a shift a channel, set by the first batch."""

import math
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn

from vocoder.errors import InputError
from vocoder.flows.base import Flow


class ActNorm(Flow):
    """z = exp(s) · x + b, with s and b a channel (Glow, Kingma and Dhariwal 2018, sec. 3.1).

    The first batch that passes `to_noise` in training mode sets s and b so that its z has mean 0 and
    standard deviation 1 in every channel; a channel without spread (silence) is only centred. From then on
    s and b are ordinary parameters: the buffer `initialized` is saved with them, so a resumed training does
    not start them anew. Under torch.distributed all ranks take rank 0's values.

    Raises:
        InputError: the first batch is empty or not finite.
    """

    log_scale: Tensor
    shift: Tensor
    initialized: Tensor

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(num_channels))
        self.shift = nn.Parameter(torch.zeros(num_channels))
        self.register_buffer("initialized", torch.tensor(False))

    def to_noise(
        self, x: Float[Tensor, "batch channel *position"], context: Any = None
    ) -> tuple[Float[Tensor, "batch channel *position"], Float[Tensor, " batch"]]:
        if self.training and not self.initialized:
            self.initialize(x)
        log_scale, shift = self._per_channel(x)
        return torch.addcmul(shift, x, log_scale.exp()), self._log_det(x)

    def to_data(
        self, z: Float[Tensor, "batch channel *position"], context: Any = None
    ) -> tuple[Float[Tensor, "batch channel *position"], Float[Tensor, " batch"]]:
        log_scale, shift = self._per_channel(z)
        return (z - shift) * (-log_scale).exp(), -self._log_det(z)

    @torch.no_grad()
    def initialize(self, x: Float[Tensor, "batch channel *position"]) -> None:
        """Set scale and shift by the moments of `x`."""
        if not x.numel() or not x.isfinite().all():
            found = "it holds NaN or inf" if x.numel() else f"it has the shape {tuple(x.shape)}"
            raise InputError(
                f"ActNorm: the first batch sets scale and shift by its finite values, but {found}; "
                "check the data and the flows before this one"
            )
        values = x.to(self.shift.dtype).transpose(0, 1).flatten(1)  # [channel, batch · position]
        mean = values.mean(dim=1)
        spread = (values - mean[:, None]).square().sum(dim=1).div(max(values.shape[1] - 1, 1)).sqrt()
        spread = torch.where(spread > torch.finfo(spread.dtype).eps * (1 + mean.abs()), spread, 1.0)
        self.log_scale.copy_(-spread.log())
        self.shift.copy_(-mean / spread)
        if dist.is_available() and dist.is_initialized():
            dist.broadcast(self.log_scale, src=0)
            dist.broadcast(self.shift, src=0)
        self.initialized.fill_(True)

    def _per_channel(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.dim() == 2:
            return self.log_scale, self.shift
        shape = (-1, *[1] * (x.dim() - 2))
        return self.log_scale.view(shape), self.shift.view(shape)

    def _log_det(self, x: Tensor) -> Tensor:
        wide = torch.promote_types(self.log_scale.dtype, torch.float32)
        total = self.log_scale.sum(dtype=wide)
        return (total if x.dim() == 2 else total * math.prod(x.shape[2:])).expand(x.shape[0])
