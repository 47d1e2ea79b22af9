"""Sampling from a `TieredWaveNet` with torch operations: a CUDA graph on a GPU, one by one elsewhere.

A step speaks one group of every stream. All that changes between steps lies in buffers of fixed places, so on
a GPU the two hundred kernels of a step are recorded once and replayed with one launch.

Run eagerly on a CPU, where the tests hold it against the compiled `TieredSampler` and `vocoder bench teacher`
takes it for the loop to beat. As a graph it has a test (marked `gpu`), and its speed on an H200 stands in
docs/benchmarks.md.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vocoder.distributions import Mixture
from vocoder.distributions.output import OutputConfig
from vocoder.networks.interpolation import interpolate_knots
from vocoder.networks.recorded import alone, recorded
from vocoder.networks.stack_weights import bias, empty_queue, matrix, stack_weights
from vocoder.networks.tiered_sampler import SamplerState
from vocoder.networks.tiered_wavenet import TieredContext, TieredWaveNet

CHUNK_GROUPS = 1024
"""About as many groups have their context mapped at a time: 8 MB a stream for a stack of 10 x 96."""


class TieredGraphSampler:
    """As `TieredSampler`, on the device of the network; the states of the two are interchangeable.

    Args:
        network: in evaluation mode; its weights are copied.
        max_lag: largest lag that any context will name.
        output: the density of a sample.
        density_floor: below which nothing is drawn, per unit of what the network models.
    """

    def __init__(
        self, network: TieredWaveNet, *, max_lag: int, output: OutputConfig, density_floor: float = 0.0
    ) -> None:
        self.device = network.last.weight.device
        self.network = network
        self.weights = _Weights(network, output, density_floor, self.device)
        self.history = max(max_lag + network.reach, network.head_kernel, network.group)
        step = network.upper.context_step
        self.chunk = max(1, CHUNK_GROUPS // step) * step
        context: Any = network.upper.context
        self._context = context.weight[:, :, 0].detach().double()
        self._loops: dict[int, _Loop] = {}

    def start(self, batch: int) -> SamplerState:
        """The state before the first sample: silence."""
        history = torch.zeros(batch, self.history, device=self.device)
        position = torch.zeros(batch, dtype=torch.int64)
        return SamplerState(position, history, empty_queue(self.network.upper, batch).to(self.device))

    @torch.no_grad()
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
        """As `TieredSampler.sample`; the streams of a batch are always worked on at once."""
        group, step = self.network.group, self.network.upper.context_step
        groups, spoken = context.lag.shape[1], []
        noise, uniform = (noise * temperature).to(self.device), uniform.to(self.device)
        with alone(self.device):
            loop = self._loop(len(noise))
            loop.load(state)
            for begin in range(0, groups, self.chunk):
                end = min(begin + self.chunk, groups)
                knots = context.knots[..., begin // step : end // step + 1].to(self.device)
                loop.tell(self._map(knots), context.lag[:, begin:end].to(self.device))
                inside = slice(begin * group, end * group)
                spoken.append(loop.speak(noise[:, inside], uniform[:, inside]))
            following = SamplerState(state.position + groups, *loop.memory())
        return torch.cat(spoken, dim=1), following

    def _map(self, knots: Tensor) -> Tensor:
        """What the context adds to the gates of every layer in each group `[B, layers · 2C, group]`."""
        mapped = (self._context @ knots.double()).float()  # in float64, as by the compiled sampler
        return interpolate_knots(mapped, self.network.upper.context_step, offset=0.5)

    def _loop(self, batch: int) -> "_Loop":
        if batch not in self._loops:
            with torch.inference_mode(False):  # or the buffers could not be written outside of that mode
                self._loops[batch] = _Loop(self.weights, batch, self.history, self.chunk)
        return self._loops[batch]


class _Weights:
    """Matrices `[in, out]` on a device, and where each layer's ring of past inputs lies in the queue."""

    def __init__(
        self, network: TieredWaveNet, output: OutputConfig, density_floor: float, device: torch.device
    ) -> None:
        upper: Any = network.upper
        self.group, self.reach, self.output = network.group, network.reach, output
        self.density_floor, self.min_lag = density_floor, network.min_lag
        stack = stack_weights(upper)
        gates, mixes, mix_bias = (torch.from_numpy(p) for p in (stack.gates, stack.mixes, stack.mix_bias))
        channels, width, group = upper.residual_channels, 2 * network.head_channels, network.group
        head, head_bias = matrix(upper.head[-1])
        order = torch.arange(width * group).view(width, group).T.flatten().to(head.device)  # by sample
        self.scale = float(stack.residual_scale)
        self.gates_past, self.gates_now = gates[:, :-1].flatten(1, 2), gates[:, -1]
        self.gate_bias = torch.from_numpy(stack.gate_bias)
        self.residual, self.residual_bias = mixes[:, :, :channels], mix_bias[:, :channels] * self.scale
        self.skip, self.skip_bias = mixes[:, :, channels:].flatten(0, 1), mix_bias[:, channels:].sum(0)
        self.told = head[:, order] * upper.skip_scale
        self.told_bias = head_bias[order] + bias(network.near).repeat(group)
        self.near = network.near.weight[:, 0].T
        self.first, self.first_bias = matrix(upper.first)
        self.mix, self.mix_bias = matrix(network.mix)
        self.last, self.last_bias = network.last_product()
        self.straight = network.straight is not None
        dilations, past = torch.from_numpy(stack.dilations), torch.arange(upper.kernel_size - 1)
        self.rings = (upper.kernel_size - 1) * dilations
        self.bases = self.rings.cumsum(0) - self.rings
        self.delays = past * dilations[:, None]  # [layer, tap], from the oldest slot of the ring on
        self.seen = torch.cat([torch.arange(-group, 0), torch.arange(-self.reach, group + self.reach)])
        self.before = torch.arange(-len(self.near), 0)
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.detach().to(device).contiguous())


class _Loop:
    """Buffers for a batch of streams, and the step that works on them."""

    def __init__(self, weights: _Weights, batch: int, history: int, chunk: int) -> None:
        self.weights, self.history = weights, history
        device, group = weights.near.device, weights.group
        layers, gates = weights.gate_bias.shape
        slots, channels = int(weights.rings.sum()), weights.first.shape[1]
        self.line = torch.zeros(batch, history + chunk * group, device=device)
        self.queue = torch.zeros(batch, slots, channels, device=device)
        self.told = torch.zeros(chunk, layers, batch, gates, device=device)
        self.lag = torch.full((chunk, batch, 1), weights.min_lag, device=device)
        self.noise = torch.zeros(chunk, group, batch, 1, device=device)
        self.uniform = torch.full((chunk, group, batch, 1), 0.5, dtype=torch.float64, device=device)
        self.index = torch.zeros(1, dtype=torch.long, device=device)  # of the group in the chunk
        self.position = torch.zeros(batch, 1, dtype=torch.long, device=device)  # of the group in each stream
        self.advance = recorded(self._step, device)

    def load(self, state: SamplerState) -> None:
        self.line[:, : self.history] = state.history
        self.queue.copy_(state.queue)
        self.position[:, 0] = state.position.to(self.position.device)

    def tell(self, context: Float[Tensor, "batch channel group"], lag: Int[Tensor, "batch group"]) -> None:
        """What the next groups are told."""
        layers, groups = len(self.weights.gate_bias), lag.shape[1]
        per_layer = context.unflatten(1, (layers, -1)).permute(3, 1, 0, 2)  # [group, layer, batch, gate]
        self.told[:groups] = per_layer + self.weights.gate_bias[:, None]
        self.lag[:groups, :, 0] = lag.T.clamp(min=self.weights.min_lag)

    def speak(self, noise: Float[Tensor, "batch time"], uniform: Float[Tensor, "batch time"]) -> Tensor:
        """The samples of the groups that were told; the line then begins with what comes after them."""
        groups, group = noise.shape[1] // self.weights.group, self.weights.group
        self.noise[:groups, :, :, 0] = noise.unflatten(1, (groups, group)).movedim(0, 2)
        self.uniform[:groups, :, :, 0] = uniform.unflatten(1, (groups, group)).movedim(0, 2)
        self.index.zero_()
        for _ in range(groups):
            self.advance()
        end = self.history + noise.shape[1]
        spoken = self.line[:, self.history : end].clone()
        self.line[:, : self.history] = self.line[:, end - self.history : end].clone()
        return spoken

    def memory(self) -> tuple[Tensor, Tensor]:
        """What the next call needs."""
        return self.line[:, : self.history].clone(), self.queue.clone()

    def _step(self) -> None:
        """One group: the upper tier, then the head sample by sample. Nothing here depends on a value."""
        w = self.weights
        start = self.history + self.index * w.group
        told = self._upper(start).unflatten(1, (w.group, -1))
        noise, uniform = (
            self.noise.index_select(0, self.index)[0],
            self.uniform.index_select(0, self.index)[0],
        )
        window = self.line.index_select(1, start + w.before)
        for i in range(w.group):
            heard = torch.addmm(told[:, i], window[:, i:], w.near)
            hidden = torch.relu(torch.addmm(w.mix_bias, _gate(heard), w.mix))
            if w.straight:
                hidden = torch.cat([hidden, heard], dim=1)
            parameters = torch.addmm(w.last_bias, hidden, w.last).unsqueeze(2)
            density: Any = w.output.density(parameters)
            draws = (uniform[i], noise[i]) if isinstance(density, Mixture) else (noise[i],)
            window = torch.cat([window, density.from_noise(*draws, floor=w.density_floor)], dim=1)
        spoken = torch.arange(w.group, device=start.device)
        self.line.index_copy_(1, start + spoken, window[:, len(w.near) :])
        self.index += 1
        self.position += 1

    def _upper(self, start: Tensor) -> Tensor:
        """What the upper tier tells every sample of a group; its inputs go into the rings."""
        w = self.weights
        batch, layers = len(self.line), len(w.bases)
        lag = self.lag.index_select(0, self.index)[0]
        offsets = torch.cat(
            [torch.zeros_like(lag).expand(-1, w.group), lag.expand(-1, len(w.seen) - w.group)], 1
        )
        seen = self.line.gather(1, start + w.seen - offsets)
        oldest = w.bases + self.position % w.rings
        slots = (w.bases[:, None] + (self.position[..., None] + w.delays) % w.rings[:, None]).flatten(1)
        past = self.queue.gather(1, self._of_channels(slots)).unflatten(1, (layers, -1)).flatten(2)
        gated = torch.baddbmm(self.told.index_select(0, self.index)[0], past.transpose(0, 1), w.gates_past)
        h = torch.addmm(w.first_bias, seen, w.first)
        inputs, active = [], []
        for layer in range(layers):
            inputs.append(h)
            active.append(_gate(torch.addmm(gated[layer], h, w.gates_now[layer])))
            mixed = torch.addmm(h, active[-1], w.residual[layer], beta=w.scale, alpha=w.scale)
            h = mixed + w.residual_bias[layer]
        self.queue.scatter_(1, self._of_channels(oldest), torch.stack(inputs, dim=1))
        skips = torch.addmm(w.skip_bias.expand(batch, -1), torch.cat(active, dim=1), w.skip)
        return torch.addmm(w.told_bias, skips, w.told)

    def _of_channels(self, slots: Int[Tensor, "batch slot"]) -> Int[Tensor, "batch slot channel"]:
        return slots[..., None].expand(-1, -1, self.queue.shape[2])


def _gate(gated: Tensor) -> Tensor:
    a, b = gated.chunk(2, dim=1)
    return torch.tanh(a) * torch.sigmoid(b)
