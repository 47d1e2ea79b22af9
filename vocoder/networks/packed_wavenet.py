"""A WaveNet packed for sampling: the same function in plain matrix products, chunk by chunk."""

from itertools import accumulate
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.errors import InputError
from vocoder.networks.dilated_product import DilatedProduct, add_product
from vocoder.networks.wavenet import WaveNet

ROWS = 1024
"""Steps of time worked on at once: few enough that what a product writes is in the cache when it is read."""


class PackedState(NamedTuple):
    """What a stream carries from chunk to chunk."""

    inputs: list[Float[Tensor, "batch _ channel"]]
    """Of each layer, from the first that its next output needs."""
    outputs: Float[Tensor, "batch _ out"]
    """Sums over the layers so far, from the first output that is still owed."""


class _Layer(NamedTuple):
    convolution: DilatedProduct
    context: Float[Tensor, "gate context"]
    bias: Float[Tensor, "gate"]
    residual: Float[Tensor, "half channel"]  # no columns in the last layer, whose residual nobody reads
    residual_bias: Float[Tensor, "channel"]
    head: Float[Tensor, "half out"]

    @property
    def reach(self) -> int:
        """Steps that an output sees on either side."""
        return self.convolution.reach // 2


class PackedWaveNet:
    """The function of a `WaveNet` that is not causal, with skip connections and a head of one layer.

    What makes it fast on a CPU: time comes before channels, so a dilated convolution is a few products of
    shifted rows, summed in place; and since only sums lie between the skip connections and the head, each
    layer's skip matrix is multiplied with the head's beforehand.

    It streams: an output waits until its inputs are there, no input is worked on twice, and the outputs are
    those of the whole sequence, beyond whose ends every layer sees zeros. The weights are those that the
    network has now: pack again after a change.

    Raises:
        InputError: the network is causal, or has no skip connections, no context, or a deeper head.
    """

    def __init__(self, network: WaveNet) -> None:
        if network.causal or not network.skip_channels or not network.context_channels:
            raise InputError(
                "only a WaveNet that is not causal, with skip connections and a context, can be packed"
            )
        if len(network.head) > 1:
            raise InputError(
                "only a WaveNet whose head is one layer can be packed: make it with head_channels=0"
            )
        self.width, self.residual_scale = network.residual_channels, network.residual_scale
        self.first, self.first_bias = _matrix(network.first)
        head, self.head_bias = _matrix(network.head[0])
        head = head * network.skip_scale
        contexts, biases = (part.chunk(len(network.gates)) for part in _matrix(network.context))
        self.layers = []
        for i, (gate, mix) in enumerate(zip(network.gates, network.mixes, strict=True)):
            taps, bias = _weights(gate)
            mixed, mixed_bias = _matrix(mix)
            residual, skip = mixed.tensor_split([len(mixed) - network.skip_channels])
            residual_bias, skip_bias = mixed_bias.tensor_split([len(residual)])
            self.head_bias = self.head_bias + head @ skip_bias
            self.layers.append(
                _Layer(
                    convolution=DilatedProduct(taps.permute(2, 1, 0).contiguous(), network.dilations[i]),
                    context=contexts[i],
                    bias=biases[i] + bias,
                    residual=residual.T * self.residual_scale,
                    residual_bias=residual_bias * self.residual_scale,
                    head=(head @ skip).T,
                )
            )

    @property
    def delay(self) -> int:
        """Steps by which the outputs lag behind the inputs of a stream."""
        return sum(layer.reach for layer in self.layers)

    def initial_state(self, batch: int) -> PackedState:
        """Before the first chunk: each layer sees the zeros that lie before the sequence."""
        zeros = self.head_bias.new_zeros
        inputs = [zeros(batch, layer.reach, self.width) for layer in self.layers]
        return PackedState(inputs, zeros(batch, 0, len(self.head_bias)))

    def stream(
        self,
        x: Float[Tensor, "batch time in"],
        context: Float[Tensor, "batch owed context"],
        state: PackedState,
        *,
        last: bool,
    ) -> tuple[Float[Tensor, "batch done out"], PackedState]:
        """The outputs that have become certain; with `last`, all that are still owed.

        Args:
            x: the next steps of the sequence.
            context: of all steps whose output is still owed, those of `x` at the end.
        """
        hidden = F.linear(x, self.first, self.first_bias)
        outputs, inputs = state.outputs, []
        for layer, waiting, offset in zip(self.layers, state.inputs, self._offsets(state), strict=True):
            beyond = waiting.new_zeros(len(x), layer.reach if last else 0, self.width)
            h = torch.cat([waiting, hidden, beyond], dim=1)
            done = max(0, h.shape[1] - 2 * layer.reach)
            outputs = self._extend(outputs, offset + done)
            rows = slice(offset, offset + done)
            hidden = self._apply(layer, h, context[:, rows], outputs[:, rows])
            inputs.append(h[:, done:].clone())
        return outputs[:, :done], PackedState(inputs, outputs[:, done:].clone())

    def _offsets(self, state: PackedState) -> list[int]:
        """Where each layer's next output lies, counted from the first output that is still owed."""
        waits = [h.shape[1] - layer.reach for layer, h in zip(self.layers, state.inputs, strict=True)]
        return list(accumulate(reversed(waits[1:]), initial=0))[::-1]

    def _extend(self, outputs: Tensor, length: int) -> Tensor:
        missing = max(0, length - outputs.shape[1])
        return torch.cat([outputs, self.head_bias.expand(len(outputs), missing, -1)], dim=1)

    def _apply(self, layer: _Layer, h: Tensor, context: Tensor, outputs: Tensor) -> Tensor:
        """The next layer's input; the layer's part of the outputs is added to them."""
        done, width = context.shape[1], layer.residual.shape[1]
        hidden = h[:, layer.reach : layer.reach + done, :width] * self.residual_scale + layer.residual_bias
        for start in range(0, done, ROWS):
            stop = min(start + ROWS, done)
            gates = F.linear(context[:, start:stop], layer.context, layer.bias)
            layer.convolution.add_to(gates, h[:, start : stop + 2 * layer.reach])
            a, b = gates.chunk(2, dim=2)
            a.tanh_().mul_(b.sigmoid_())
            if width:
                add_product(hidden[:, start:stop], a, layer.residual)
            add_product(outputs[:, start:stop], a, layer.head)
        return hidden


def _weights(layer: nn.Module) -> tuple[Tensor, Tensor]:
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, Tensor)
    assert isinstance(bias, Tensor)
    return weight.detach(), bias.detach()


def _matrix(layer: nn.Module) -> tuple[Tensor, Tensor]:
    """A 1×1 convolution as a matrix [out, in] and its bias."""
    weight, bias = _weights(layer)
    return weight[:, :, 0], bias
