"""The weights of a packed WaveNet laid out for compiled loops, which short chunks of a stream go through."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from vocoder.networks.gated_kernels import stream_centred_layers, stream_layers
from vocoder.networks.packed_wavenet import PackedState, PackedWaveNet
from vocoder.networks.row_kernels import loop_array


class CompiledWaveNet:
    """The function of a causal `PackedWaveNet` whose context comes in knots, in float32 on the CPU."""

    def __init__(self, packed: PackedWaveNet) -> None:
        self._packed, self._weights = packed, _layer_weights(packed)

    def stream(
        self,
        x: Float[Tensor, "batch time in"],
        context: Float[Tensor, "batch knot context"],
        state: PackedState,
    ) -> tuple[Float[Tensor, "batch time out"], PackedState]:
        """As `PackedWaveNet.stream`, for one step or more: a causal network owes nothing at the end."""
        packed = self._packed
        told = F.linear(context, packed.context, packed.context_bias)
        (held,) = state.inputs
        sums, following = stream_layers(
            x.contiguous().numpy(), told.contiguous().numpy(), held.contiguous().numpy(), *self._weights
        )
        outputs = packed.read(torch.from_numpy(sums))
        return outputs, state._replace(inputs=[torch.from_numpy(following)])


class CompiledCentredWaveNet:
    """The function of a `PackedWaveNet` that is not causal and has no attention, in float32 on the CPU."""

    def __init__(self, packed: PackedWaveNet) -> None:
        self._packed, layers = packed, packed.layers
        self._reaches = [layer.before + layer.after for layer in layers]
        self._weights = (
            loop_array(torch.stack([layer.context.T for layer in layers])),
            loop_array(torch.stack([layer.bias for layer in layers])),
            *_layer_weights(packed),
        )

    def is_in_the_middle(self, state: PackedState) -> bool:
        """Whether every layer holds all the steps that it can: from then on each step lets one go."""
        return [held.shape[1] for held in state.inputs] == self._reaches

    def stream(
        self,
        x: Float[Tensor, "batch time in"],
        context: Float[Tensor, "batch owed context"],
        state: PackedState,
    ) -> tuple[Float[Tensor, "batch time out"], PackedState]:
        """As `PackedWaveNet.stream` in the middle of a stream, for one step or more."""
        held = torch.cat(state.inputs, dim=1)
        sums, following = (
            torch.from_numpy(part)
            for part in stream_centred_layers(
                *(part.contiguous().numpy() for part in (x, context, held, state.sums)), *self._weights
            )
        )
        count = x.shape[1]
        inputs = list(following.split(self._reaches, dim=1))
        return self._packed.read(sums[:, :count]), PackedState(state.near, inputs, sums[:, count:].clone())


def _layer_weights(packed: PackedWaveNet) -> tuple:
    """From the dilations on what the loops take."""
    layers = packed.layers
    mixes = [torch.cat([layer.residual, layer.skip], dim=1) for layer in layers]
    width = packed.width + len(packed.sum_bias)  # the last layer's residual nobody reads: zeros
    return (
        np.array([layer.convolution.dilation for layer in layers]),
        *map(loop_array, (packed.first.T, packed.first_bias)),
        loop_array(torch.stack([layer.convolution.taps for layer in layers])),
        loop_array(torch.stack([F.pad(mix, (width - mix.shape[1], 0)) for mix in mixes])),
        loop_array(torch.stack([_widened(layer.residual_bias, packed.width) for layer in layers])),
        np.float32(packed.residual_scale),
        loop_array(packed.sum_bias),
    )


def _widened(bias: Tensor, width: int) -> Tensor:
    return F.pad(bias, (0, width - len(bias)))
