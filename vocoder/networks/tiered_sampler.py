"""Sampling from a `TieredWaveNet`: the sequential direction of the flow, compiled for the CPU."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vocoder.networks.tiered_wavenet import TieredContext, TieredWaveNet


@dataclass(frozen=True)
class SamplerState:
    """A batch of streams between two chunks."""

    position: int  # groups so far
    history: Float[Tensor, "batch history"]
    queue: Float[Tensor, "batch slot channel"]


class TieredSampler:
    """The weights of a `TieredWaveNet`, laid out for the compiled loop.

    Args:
        network: in evaluation mode; its weights are copied.
        max_lag: largest lag that any context will name.
        components, min_log_scale: of the density of a sample, as in `OutputConfig`.
    """

    def __init__(
        self, network: TieredWaveNet, *, max_lag: int, components: int, min_log_scale: float
    ) -> None:
        upper: Any = network.upper
        self.network = network
        self.history = max(max_lag + network.reach, network.head_kernel, network.group)
        self.slots = (upper.kernel_size - 1) * sum(upper.dilations)
        self._sizes = (network.group, network.reach, upper.context_step, components, min_log_scale)
        width, group = 2 * network.head_channels, network.group
        head, bias = _matrix(upper.head[-1])
        order = torch.arange(width * group).view(width, group).T.flatten()  # by sample, then by channel
        width_of_mix = upper.residual_channels + upper.skip_channels  # the last layer has no residual: zeros
        mixes, mix_bias = (
            torch.stack([F.pad(part, (width_of_mix - part.shape[-1], 0)) for part in parts])
            for parts in zip(*(_matrix(mix) for mix in upper.mixes), strict=True)
        )
        context_bias = _bias(upper.context).view(len(upper.gates), -1)
        weights = (
            *_matrix(upper.first),
            torch.stack([gate.weight.permute(2, 1, 0) for gate in upper.gates]),
            torch.stack([gate.bias for gate in upper.gates]) + context_bias,
            mixes,
            mix_bias,
            np.float32(upper.residual_scale),
            head[:, order] * upper.skip_scale,
            bias[order] + _bias(network.near).repeat(group),
            network.near.weight[:, 0].T,
            *_matrix(network.mix),
            *_matrix(network.last),
        )
        self._weights = tuple(_array(w) if isinstance(w, Tensor) else w for w in weights)
        self._dilations = np.array(upper.dilations)

    def start(self, batch: int) -> SamplerState:
        """The state before the first sample: silence."""
        channels = self.network.upper.residual_channels
        return SamplerState(0, torch.zeros(batch, self.history), torch.zeros(batch, self.slots, channels))

    def sample(
        self,
        noise: Float[Tensor, "batch time"],
        uniform: Float[Tensor, "batch time"],
        context: TieredContext,
        state: SamplerState,
        *,
        threads: int = 1,
    ) -> tuple[Float[Tensor, "batch time"], SamplerState]:
        """The next samples of every stream, and the state after them.

        Args:
            noise: draws of the density's standard variable, scaled by the temperature.
            uniform: draws in (0, 1) that choose the component of a mixture.
            threads: streams that are worked on at once.
        """
        from vocoder.networks.tiered_kernels import sample

        lines = torch.cat([state.history, torch.empty_like(noise)], dim=1)
        queue = state.queue.clone()
        upper = self.network.upper
        knots = upper.context(context.knots) - _bias(upper.context)[:, None]  # the bias is in the gates'
        knots = knots.unflatten(1, (len(upper.gates), -1)).permute(0, 3, 1, 2)
        lines_, noise_, uniform_, knots_, lags_, queues_ = (
            t.detach().contiguous().numpy() for t in (lines, noise, uniform, knots, context.lag, queue)
        )

        def one(row: int) -> None:
            sample(
                lines_[row],
                self.history,
                noise_[row],
                uniform_[row],
                knots_[row],
                lags_[row],
                state.position,
                queues_[row],
                self._sizes,
                self._dilations,
                *self._weights,
            )

        if min(threads, len(lines)) > 1:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(one, range(len(lines))))
        else:
            for row in range(len(lines)):
                one(row)
        following = SamplerState(
            state.position + context.lag.shape[1], lines[:, lines.shape[1] - self.history :].clone(), queue
        )
        return lines[:, self.history :], following


def _matrix(layer: Any) -> tuple[Tensor, Tensor]:
    """Weight `[in, out]` and bias of a 1×1 convolution."""
    return layer.weight[:, :, 0].T, layer.bias


def _bias(layer: Any) -> Tensor:
    return layer.bias


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(tensor.detach().float().cpu().numpy())
