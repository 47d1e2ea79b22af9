"""Sampling from a causal `WaveNet` one sample at a time, compiled for the CPU."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from vocoder.distributions.output import OutputConfig
from vocoder.errors import InputError
from vocoder.networks.drawing import Drawing
from vocoder.networks.stack_weights import as_array, empty_queue, matrix, stack_weights
from vocoder.networks.streams import for_each_stream
from vocoder.networks.wavenet import WaveNet


@dataclass(frozen=True)
class WaveNetState:
    """A batch of streams between two chunks."""

    position: Int[Tensor, "batch"]  # samples so far, on the CPU
    last: Float[Tensor, "batch 1"]  # sample, or class
    queue: Float[Tensor, "batch slot channel"]


class WaveNetSampler:
    """The weights of a causal WaveNet whose output at t describes sample t and whose input is sample t - 1.

    Args:
        network: with skip connections, a head of two layers and a context; its weights are copied.
        block: samples for which the context is mapped at a time. A chunk holds whole blocks, each mapped by
            itself, so that rounding does not depend on the chunks.
        output: the density of a sample.
        density_floor: below which nothing is drawn, per unit of what the network models.
        bound: samples are clipped to ± this.
        classes: the value that each class stands for; None where samples are numbers.
        silence: the class before the first sample.

    Raises:
        InputError: a network of another form.
    """

    def __init__(
        self,
        network: WaveNet,
        *,
        block: int,
        output: OutputConfig,
        density_floor: float = 0.0,
        bound: float = np.inf,
        classes: Float[Tensor, "class"] | None = None,
        silence: int = 0,
    ) -> None:
        if not (
            network.causal and network.skip_channels and network.context_channels and len(network.head) == 4
        ):
            raise InputError(
                "the sampler wants a causal WaveNet with skip connections, a context and a head of two layers"
            )
        first: Any = network.first
        context: Any = network.context
        self.network, self.block, self.classes, self.silence = network, block, classes, silence
        self.step = network.context_step
        self.context = context.weight[:, :, 0].T.detach().float().cpu().contiguous()
        num_classes = 0 if classes is None else len(classes)
        drawing = Drawing.of(output, density_floor)
        self._sizes = (self.step, num_classes, drawing, np.float32(bound))
        head, head_bias = matrix(network.head[1])
        ends = (*matrix(first), head * network.skip_scale, head_bias, *matrix(network.head[3]))
        self._weights = (*(as_array(part) for part in ends), *stack_weights(network))

    def start(self, batch: int) -> WaveNetState:
        """The state before the first sample: silence."""
        last = torch.full((batch, 1), float(self.silence))
        position = torch.zeros(batch, dtype=torch.int64)
        return WaveNetState(position, last, empty_queue(self.network, batch))

    def sample(
        self,
        noise: Float[Tensor, "batch time"],
        uniform: Float[Tensor, "batch time"],
        context: Float[Tensor, "batch channel row"],
        state: WaveNetState,
        *,
        temperature: float = 1.0,
        threads: int = 1,
    ) -> tuple[Float[Tensor, "batch time"], WaveNetState]:
        """The next samples of every stream, and the state after them.

        Args:
            noise: draws of the density's standard variable; not read where samples are classes.
            uniform: draws in (0, 1) that choose the component of a mixture, or the class.
            context: as the network takes it.
            temperature: scale of the noise; of classes, what their logits are divided by.
            threads: streams that are worked on at once.
        """
        from vocoder.networks.wavenet_kernels import sample

        length = noise.shape[1]
        if length % self.block:
            raise InputError(f"a chunk must hold whole blocks of {self.block} samples, got {length}")
        scaled = noise * temperature if self.classes is None else torch.full_like(noise, temperature)
        lines, queue = torch.cat([state.last, torch.empty_like(noise)], dim=1), state.queue.clone()
        positions = state.position.tolist()
        rows = context.detach().transpose(1, 2).float().cpu()
        lines_, noise_, uniform_, queues_ = (
            t.detach().cpu().contiguous().numpy() for t in (lines, scaled, uniform, queue)
        )

        def one(stream: int) -> None:
            for begin in range(0, length, self.block):
                inside = slice(begin, begin + self.block)
                sample(
                    lines_[stream, begin : begin + self.block + 1],
                    noise_[stream, inside],
                    uniform_[stream, inside],
                    self._map(rows[stream], begin),
                    positions[stream] + begin,
                    queues_[stream],
                    self._sizes,
                    *self._weights,
                )

        for_each_stream(one, len(lines), threads)
        spoken = lines[:, 1:] if self.classes is None else self.classes[lines[:, 1:].long()]
        return spoken, WaveNetState(state.position + length, lines[:, -1:].clone(), queue)

    def _map(self, rows: Float[Tensor, "row channel"], begin: int) -> np.ndarray:
        """What the context adds in each layer, for one block; always a product of the same shape."""
        first, count = begin // self.step, self.block // self.step + (self.step > 1)
        told = rows[first : first + count].clone() @ self.context
        return told.unflatten(1, (len(self.network.gates), -1)).numpy()
