"""A WaveNet in two tiers: the dilated stack runs once a group of samples, a small head once a sample.

The tiers are those of SampleRNN (Mehri et al. 2017); the look back by one pitch period is that of the
pitch-dependent convolutions of QPNet (Wu et al. 2019), here taken once, at the input.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.errors import InputError
from vocoder.networks.autoregressive import AutoregressiveNetwork, Step
from vocoder.networks.conditioner import zero_initialized
from vocoder.networks.wavenet import WaveNet


class TieredContext(NamedTuple):
    """What each group of samples is told."""

    knots: Float[Tensor, "batch channel knot"]
    lag: Int[Tensor, "batch group"]  # samples; where in the past to look, say one pitch period


class TieredWaveNet(AutoregressiveNetwork):
    """Parameters of every sample of `[B, 1, T]` from the samples before it, T a multiple of `group`.

    Upper tier, once for group n: a causal `WaveNet` that reads the samples of group n - 1, and those that
    lie `lag` before group n with `reach` more on both sides. Head, once a sample: tanh(a) · σ(b), [a, b] what
    the upper tier says of the sample plus a convolution of the `head_kernel` samples before it, and two 1×1.

    Args:
        num_parameters: of each sample.
        group: samples a step of the upper tier.
        reach: samples on each side of what lies a lag before; 0 or more.
        head_kernel: samples that the head sees directly.
        head_channels: width of the head.
        context_channels: of the context's knots.
        context_step: groups between knots.
        straight: range of the parameters to which [a, b] are also added linearly: the locations, so that a
            sample may follow those before it as far as they go, which tanh(a) · σ(b) cannot.
        num_layers, dilation_cycle, kernel_size, residual_channels, skip_channels: of the upper `WaveNet`.
    """

    def __init__(
        self,
        num_parameters: int,
        *,
        group: int,
        reach: int,
        head_kernel: int,
        head_channels: int,
        context_channels: int,
        context_step: int,
        straight: tuple[int, int] | None = None,
        num_layers: int,
        dilation_cycle: int | None,
        kernel_size: int,
        residual_channels: int,
        skip_channels: int,
    ) -> None:
        super().__init__()
        self.num_parameters, self.group, self.reach = num_parameters, group, reach
        self.head_kernel, self.head_channels = head_kernel, head_channels
        self.upper = WaveNet(
            2 * (group + reach),
            2 * head_channels * group,
            causal=True,
            kernel_size=kernel_size,
            num_layers=num_layers,
            dilation_cycle=dilation_cycle,
            residual_channels=residual_channels,
            skip_channels=skip_channels,
            context_channels=context_channels,
            context_step=context_step,
            variance_preserving=True,
        )
        self.near = nn.Conv1d(1, 2 * head_channels, head_kernel)
        self.mix = nn.Conv1d(head_channels, head_channels, 1)
        self.last = zero_initialized(nn.Conv1d(head_channels, num_parameters, 1))
        self.straight = None
        if straight is not None:
            width = straight[1] - straight[0]
            self.straight = zero_initialized(nn.Conv1d(2 * head_channels, width, 1, bias=False))
            self._margins = straight[0], num_parameters - straight[1]

    @property
    def min_lag(self) -> int:
        """The smallest lag whose samples all lie before the group."""
        return self.group + self.reach

    def receptive_field(self, max_lag: int) -> int:
        """Samples before one on which its parameters depend, where no lag is above `max_lag`."""
        upper = self.group * self.upper.receptive_field + max(max_lag, self.min_lag) + self.reach
        return max(self.head_kernel, upper)

    def forward(
        self, x: Float[Tensor, "batch 1 time"], context: Any = None
    ) -> Float[Tensor, "batch parameter time"]:
        """The context is a `TieredContext`."""
        if x.shape[2] % self.group:
            raise InputError(f"the sequence must have a multiple of {self.group} samples, got {x.shape[2]}")
        groups = x[:, 0].unflatten(1, (-1, self.group)).transpose(1, 2)
        before = F.pad(groups, (1, -1))
        seen = torch.cat([before, self._around(x[:, 0], context.lag)], dim=1)
        told = self.upper(seen, context.knots).unflatten(1, (2 * self.head_channels, self.group))
        told = told.transpose(2, 3).flatten(2)
        near = self.near(F.pad(x, (self.head_kernel, -1)))
        heard = told + near
        a, b = heard.chunk(2, dim=1)
        hidden = torch.relu(self.mix(torch.tanh(a) * torch.sigmoid(b)))
        with torch.autocast(x.device.type, enabled=False):  # bfloat16 is too coarse for a location
            parameters = self.last(hidden.to(self.last.weight.dtype))
            if self.straight is None:
                return parameters
            straight = self.straight(heard.to(self.last.weight.dtype))
            return parameters + F.pad(straight, (0, 0, *self._margins))

    def last_product(self) -> tuple[Float[Tensor, "hidden parameter"], Float[Tensor, "parameter"]]:
        """Matrix and bias from [mixed, a, b] (without `straight` from the mixed alone) to the parameters."""
        weight, bias = self.last.weight[:, :, 0].T, self.last.bias
        assert bias is not None
        if self.straight is not None:
            straight = F.pad(self.straight.weight[:, :, 0].T, self._margins)
            weight = torch.cat([weight, straight])
        return weight, bias

    def steps(self, shape: torch.Size) -> Iterator[Step]:
        return ((slice(None), t) for t in range(shape[-1]))

    def _around(
        self, x: Float[Tensor, "batch time"], lag: Int[Tensor, "batch group"]
    ) -> Float[Tensor, "batch width group"]:
        """The samples around those a lag before each group; zeros before the first sample."""
        start = torch.arange(lag.shape[1], device=x.device) * self.group - lag.clamp(min=self.min_lag)
        offsets = torch.arange(-self.reach, self.group + self.reach, device=x.device)
        index = (start[:, None, :] + offsets[:, None]).flatten(1)
        values = x.gather(1, index.clamp(min=0)) * (index >= 0)
        return values.unflatten(1, (len(offsets), -1))
