"""The weights of a packed WaveNet laid out for a compiled loop, which short chunks of a stream go through."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from vocoder.networks.gated_kernels import stream_layers
from vocoder.networks.packed_wavenet import PackedState, PackedWaveNet
from vocoder.networks.row_kernels import loop_array


class CompiledWaveNet:
    """The function of a causal `PackedWaveNet` whose context comes in knots, in float32 on the CPU."""

    def __init__(self, packed: PackedWaveNet) -> None:
        self._packed = packed
        layers = packed.layers
        mixes = [torch.cat([layer.residual, layer.skip], dim=1) for layer in layers]
        width = packed.width + len(packed.sum_bias)  # the last layer's residual nobody reads: zeros
        self._weights = (
            np.array([layer.convolution.dilation for layer in layers]),
            *map(loop_array, (packed.first.T, packed.first_bias)),
            loop_array(torch.stack([layer.convolution.taps for layer in layers])),
            loop_array(torch.stack([F.pad(mix, (width - mix.shape[1], 0)) for mix in mixes])),
            loop_array(torch.stack([_widened(layer.residual_bias, packed.width) for layer in layers])),
            np.float32(packed.residual_scale),
            loop_array(packed.sum_bias),
        )

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
        outputs = torch.from_numpy(sums)
        if packed.head is not None:
            outputs = F.linear(outputs, *packed.head)
        return outputs, state._replace(inputs=[torch.from_numpy(following)])


def _widened(bias: Tensor, width: int) -> Tensor:
    return F.pad(bias, (0, width - len(bias)))
