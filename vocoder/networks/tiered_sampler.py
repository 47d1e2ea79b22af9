"""Sampling from a `TieredWaveNet`: the sequential direction of the flow, compiled for the CPU."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vocoder.distributions.output import OutputConfig
from vocoder.networks.drawing import Drawing
from vocoder.networks.stack_weights import as_array, bias, empty_queue, matrix, stack_weights
from vocoder.networks.streams import for_each_stream
from vocoder.networks.tiered_wavenet import TieredContext, TieredWaveNet


@dataclass(frozen=True)
class SamplerState:
    """A batch of streams between two chunks."""

    position: Int[Tensor, "batch"]  # groups so far, on the CPU
    history: Float[Tensor, "batch history"]
    queue: Float[Tensor, "batch slot channel"]


class TieredSampler:
    """The weights of a `TieredWaveNet`, laid out for the compiled loop.

    Args:
        network: in evaluation mode; its weights are copied.
        max_lag: largest lag that any context will name.
        output: the density of a sample.
        density_floor: below which nothing is drawn, per unit of what the network models.
    """

    def __init__(
        self, network: TieredWaveNet, *, max_lag: int, output: OutputConfig, density_floor: float = 0.0
    ) -> None:
        upper: Any = network.upper
        self.network = network
        self._layers = len(upper.gates)
        self._context = upper.context.weight[:, :, 0].detach().cpu().double()
        self.history = max(max_lag + network.reach, network.head_kernel, network.group)
        drawing = Drawing.of(output, density_floor)
        self._sizes = (network.group, network.reach, upper.context_step, drawing)
        width, group = 2 * network.head_channels, network.group
        head, head_bias = matrix(upper.head[-1])
        order = torch.arange(width * group).view(width, group).T.flatten()  # by sample, then by channel
        head_weights = (
            head[:, order] * upper.skip_scale,
            head_bias[order] + bias(network.near).repeat(group),
            network.near.weight[:, 0].T,
            *matrix(network.mix),
            *network.last_product(),
        )
        self._weights = (
            *(as_array(part) for part in (*matrix(upper.first), *head_weights)),
            *stack_weights(upper),
        )

    def start(self, batch: int) -> SamplerState:
        """The state before the first sample: silence."""
        position = torch.zeros(batch, dtype=torch.int64)
        return SamplerState(
            position, torch.zeros(batch, self.history), empty_queue(self.network.upper, batch)
        )

    def sample(
        self,
        noise: Float[Tensor, "batch time"],
        uniform: Float[Tensor, "batch time"],
        context: TieredContext,
        state: SamplerState,
        *,
        temperature: float = 1.0,
        threads: int = 1,
    ) -> tuple[Float[Tensor, "batch time"], SamplerState]:
        """The next samples of every stream, and the state after them.

        Args:
            noise: draws of the density's standard variable.
            uniform: draws in (0, 1) that choose the component of a mixture.
            temperature: scale of the noise.
            threads: streams that are worked on at once.
        """
        from vocoder.networks.tiered_kernels import sample

        lines = torch.cat([state.history, torch.empty_like(noise)], dim=1)
        queue = state.queue.clone()
        positions = state.position.tolist()
        knots = (self._context @ context.knots.cpu().double()).float()  # in float64: see DoubleInEvaluation
        knots = knots.unflatten(1, (self._layers, -1)).permute(0, 3, 1, 2)
        lines_, noise_, uniform_, knots_, lags_, queues_ = (
            t.detach().cpu().contiguous().numpy()
            for t in (lines, noise * temperature, uniform, knots, context.lag, queue)
        )

        def one(row: int) -> None:
            sample(
                lines_[row],
                self.history,
                noise_[row],
                uniform_[row],
                knots_[row],
                lags_[row],
                positions[row],
                queues_[row],
                self._sizes,
                *self._weights,
            )

        for_each_stream(one, len(lines), threads)
        following = SamplerState(
            state.position + context.lag.shape[1], lines[:, lines.shape[1] - self.history :].clone(), queue
        )
        return lines[:, self.history :], following
