"""The loop to beat: a `TieredWaveNet` sampled with its own torch modules, one sample after the other."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.distributions import Mixture
from vocoder.distributions.output import OutputConfig
from vocoder.networks.interpolation import interpolate_knots
from vocoder.networks.tiered_wavenet import TieredContext, TieredWaveNet


@torch.inference_mode()
def eager_samples(
    network: TieredWaveNet,
    output: OutputConfig,
    noise: Float[Tensor, "batch time"],
    uniform: Float[Tensor, "batch time"],
    context: TieredContext,
    max_lag: int,
    density_floor: float = 0.0,
) -> Float[Tensor, "batch time"]:
    """The samples of the compiled sampler from silence on; past inputs of each layer wait in queues."""
    told, lag = interpolate_knots(context.knots.float(), network.upper.context_step, offset=0.5), context.lag
    offsets = torch.arange(-network.reach, network.group + network.reach, device=noise.device)
    history = max(max_lag + network.reach, network.head_kernel, network.group)
    line = noise.new_zeros(len(noise), history + noise.shape[1])
    state = network.upper.initial_state(line.new_zeros(len(noise), 2 * (network.group + network.reach), 1))
    for n in range(lag.shape[1]):
        start = history + n * network.group
        around = line.gather(1, start - lag[:, n : n + 1].clamp(min=network.min_lag) + offsets)
        seen = torch.cat([line[:, start - network.group : start], around], dim=1)
        said, state = network.upper.stream(seen.unsqueeze(2), told[:, :, n : n + 1], state)
        said = said[:, :, 0].unflatten(1, (-1, network.group))
        for i in range(network.group):
            t = start + i
            near = network.near(line[:, None, t - network.head_kernel : t])[:, :, 0]
            a, b = (said[:, :, i] + near).chunk(2, dim=1)
            hidden = torch.relu(network.mix((torch.tanh(a) * torch.sigmoid(b)).unsqueeze(2)))
            density: Any = output.density(network.last(hidden))
            draws = [draw[:, t - history, None] for draw in (uniform, noise)]
            own = draws if isinstance(density, Mixture) else draws[1:]
            line[:, t] = density.from_noise(*own, floor=density_floor)[:, 0]
    return line[:, history:]
