"""The weights of a causal `WaveNet` laid out for compiled sampling, the same for every sampler."""

from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vocoder.networks.wavenet import WaveNet

Array = NDArray[np.float32]


class StackWeights(NamedTuple):
    """What `wavenet_kernels.stack_step` reads; matrices `[in, out]`, C residual and 2G gate channels."""

    dilations: NDArray[np.int64]
    gates: Array  # [layer, tap, C, 2G]
    gate_bias: Array  # [layer, 2G], the context's bias included
    mixes: Array  # [layer, G, C + skip]
    mix_bias: Array
    residual_scale: np.float32


def stack_weights(network: WaveNet) -> StackWeights:
    """A copy of the layers between the first convolution and the head."""
    gates: Any = network.gates
    gate_bias = torch.stack([gate.bias for gate in gates])
    if network.context_channels:
        gate_bias = gate_bias + bias(network.context).view(len(gates), -1)
    width = network.residual_channels + network.skip_channels  # the last layer has no residual: zeros
    mixes, mix_bias = (
        torch.stack([F.pad(part, (width - part.shape[-1], 0)) for part in parts])
        for parts in zip(*(matrix(mix) for mix in network.mixes), strict=True)
    )
    return StackWeights(
        np.array(network.dilations),
        as_array(torch.stack([gate.weight.permute(2, 1, 0) for gate in gates])),
        as_array(gate_bias),
        as_array(mixes),
        as_array(mix_bias),
        np.float32(network.residual_scale),
    )


def empty_queue(network: WaveNet, batch: int) -> Float[Tensor, "batch slot channel"]:
    """The rings of past inputs that `stack_step` keeps, before the first position: silence."""
    slots = (network.kernel_size - 1) * sum(network.dilations)
    return torch.zeros(batch, slots, network.residual_channels)


def matrix(layer: Any) -> tuple[Tensor, Tensor]:
    """Weight `[in, out]` and bias of a 1×1 convolution."""
    return layer.weight[:, :, 0].T, layer.bias


def bias(layer: Any) -> Tensor:
    return layer.bias


def as_array(tensor: Tensor) -> Array:
    return np.ascontiguousarray(tensor.detach().float().cpu().numpy())
