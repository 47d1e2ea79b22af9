"""A WaveNet packed for sampling: the same function in plain matrix products, chunk by chunk."""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.errors import InputError
from vocoder.networks.dilated_product import DilatedProduct, add_product
from vocoder.networks.interpolation import interpolate_rows
from vocoder.networks.wavenet import WaveNet

ROWS = 1024
"""Steps of time worked on at once: few enough that what a product writes is in the cache when it is read."""


class PackedState(NamedTuple):
    """What a stream carries from chunk to chunk."""

    near: Float[Tensor, "batch _ channel"]
    """Inputs of the attention, from the first that its next output needs; none without attention."""
    inputs: list[Float[Tensor, "batch _ channel"]]
    """Of each layer, from the first that its next output needs; of a causal network all in one."""
    sums: Float[Tensor, "batch _ sum"]
    """Sums over the layers so far, from the first output that is still owed."""


class _Layer(NamedTuple):
    convolution: DilatedProduct
    before: int  # steps that an output sees
    after: int
    context: Float[Tensor, "gate context"]
    bias: Float[Tensor, "gate"]
    residual: Float[Tensor, "half channel"]  # no columns in the last layer, whose residual nobody reads
    residual_bias: Float[Tensor, "channel"]
    skip: Float[Tensor, "half sum"]


class PackedWaveNet:
    """The function of a `WaveNet` with skip connections and a head of one layer.

    What makes it fast on a CPU: time comes before channels, so a dilated convolution is a few products of
    shifted rows, summed in place; and since only sums lie between the skip connections and the head, each
    layer's skip matrix is multiplied with the head's beforehand where there are no more outputs than skip
    channels.

    It streams: an output waits until its inputs are there, no input is worked on twice, and the outputs are
    those of the whole sequence, beyond whose ends every layer sees zeros. The weights are those that the
    network has now: pack again after a change.

    Raises:
        InputError: the network has no skip connections, no context or a deeper head, or it is not causal and
            its context comes in knots.
    """

    def __init__(self, network: WaveNet) -> None:
        if not network.skip_channels or not network.context_channels:
            raise InputError("only a WaveNet with skip connections and a context can be packed")
        if len(network.head) > 1:
            raise InputError(
                "only a WaveNet whose head is one layer can be packed: make it with head_channels=0"
            )
        if network.context_step > 1 and not network.causal:
            raise InputError("a context in knots can be packed in a causal WaveNet only: set context_step=1")
        self.width, self.residual_scale = network.residual_channels, network.residual_scale
        self.context_step, self.causal = network.context_step, network.causal
        self.first, self.first_bias = _matrix(network.first)
        self.attention = network.attention
        head, bias = _matrix(network.head[0])
        head = head * network.skip_scale
        self.head = None if len(head) <= network.skip_channels else (head, bias)
        self.sum_bias = bias if self.head is None else bias.new_zeros(network.skip_channels)
        self.context, bias = _matrix(network.context)
        self.context_bias = bias + torch.cat([_weights(gate)[1] for gate in network.gates])
        contexts, biases = (part.chunk(len(network.gates)) for part in (self.context, self.context_bias))
        self.layers = []
        for i, (gate, mix) in enumerate(zip(network.gates, network.mixes, strict=True)):
            taps = _weights(gate)[0]
            reach = network.dilations[i] * (network.kernel_size - 1)
            mixed, mixed_bias = _matrix(mix)
            residual, skip = mixed.tensor_split([len(mixed) - network.skip_channels])
            residual_bias, skip_bias = mixed_bias.tensor_split([len(residual)])
            if self.head is None:
                skip, skip_bias = head @ skip, head @ skip_bias
            self.sum_bias = self.sum_bias + skip_bias
            self.layers.append(
                _Layer(
                    convolution=DilatedProduct(taps.permute(2, 1, 0).contiguous(), network.dilations[i]),
                    before=reach if network.causal else reach // 2,
                    after=0 if network.causal else reach // 2,
                    context=contexts[i],
                    bias=biases[i],
                    residual=residual.T * self.residual_scale,
                    residual_bias=residual_bias * self.residual_scale,
                    skip=skip.T,
                )
            )

    def keep_outputs(self, kept: Float[Tensor, "out"]) -> None:
        """Make the outputs zero for which `kept` is 0, and leave those for which it is 1."""
        kept = kept.to(self.sum_bias)
        if self.head is not None:
            self.head = self.head[0] * kept[:, None], self.head[1] * kept
            return
        self.sum_bias = self.sum_bias * kept
        self.layers = [layer._replace(skip=layer.skip * kept) for layer in self.layers]

    @property
    def delay(self) -> int:
        """Steps by which the outputs lag behind the inputs of a stream."""
        return self._near + sum(layer.after for layer in self.layers)

    @property
    def _near(self) -> int:
        return self.attention.reach if self.attention is not None else 0

    def initial_state(self, batch: int) -> PackedState:
        """Before the first chunk: each layer sees the zeros that lie before the sequence."""
        zeros = self.sum_bias.new_zeros
        inputs = self._together([zeros(batch, layer.before, self.width) for layer in self.layers])
        return PackedState(zeros(batch, self._near, self.width), inputs, zeros(batch, 0, len(self.sum_bias)))

    def _together(self, inputs: list[Tensor]) -> list[Tensor]:
        """Inputs of the layers as a state has them: of a causal network their lengths are known."""
        return [torch.cat(inputs, dim=1)] if self.causal else inputs

    def _apart(self, inputs: list[Tensor]) -> Sequence[Tensor]:
        return inputs[0].split([layer.before for layer in self.layers], dim=1) if self.causal else inputs

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
            context: of all steps whose output is still owed, those of `x` at the end; or, in knots, the one
                before the first step of `x`, and one more for each whole interval.
        """
        hidden, near = self._attend(F.linear(x, self.first, self.first_bias), state.near, last=last)
        sums, inputs, told = state.sums, [], self._told(context)
        held = self._apart(state.inputs)
        for i, (layer, offset) in enumerate(zip(self.layers, self._offsets(held), strict=True)):
            waiting = held[i]
            beyond = waiting.new_zeros(len(x), layer.after if last else 0, self.width)
            h = torch.cat([waiting, hidden, beyond], dim=1)
            done = max(0, h.shape[1] - layer.before - layer.after)
            sums = self._extend(sums, offset + done)
            rows = slice(offset, offset + done)
            hidden = self._apply(layer, h, told[i] if told else context[:, rows], sums[:, rows])
            inputs.append(h[:, done:].clone())
        return self.read(sums[:, :done]), PackedState(near, self._together(inputs), sums[:, done:].clone())

    def read(self, sums: Float[Tensor, "batch time sum"]) -> Float[Tensor, "batch time out"]:
        """The outputs, given the sums over all layers."""
        return sums if self.head is None else F.linear(sums, *self.head)

    def _attend(self, hidden: Tensor, near: Tensor, *, last: bool) -> tuple[Tensor, Tensor]:
        """The first layer's next inputs, and what the attention still needs of its own."""
        if self.attention is None:
            return hidden, near
        beyond = near.new_zeros(len(hidden), self._near if last else 0, self.width)
        h = torch.cat([near, hidden, beyond], dim=1)
        done = max(0, h.shape[1] - 2 * self._near)
        if not done:
            return h[:, :0], h
        with torch.no_grad():
            return self.attention.attend(h.mT).mT, h[:, done:].clone()

    def _offsets(self, held: Sequence[Tensor]) -> list[int]:
        """Where each layer's next output lies, counted from the first output that is still owed."""
        waits = [h.shape[1] - layer.before for layer, h in zip(self.layers, held, strict=True)]
        return list(accumulate(reversed(waits[1:]), initial=0))[::-1]

    def _extend(self, sums: Tensor, length: int) -> Tensor:
        missing = max(0, length - sums.shape[1])
        return torch.cat([sums, self.sum_bias.expand(len(sums), missing, -1)], dim=1)

    def _apply(self, layer: _Layer, h: Tensor, told: Tensor, sums: Tensor) -> Tensor:
        """The next layer's input; the layer's part of the sums is added to them."""
        done, width = sums.shape[1], layer.residual.shape[1]
        hidden = h[:, layer.before : layer.before + done, :width] * self.residual_scale + layer.residual_bias
        chunk = max(1, ROWS // self.context_step) * self.context_step
        for start in range(0, done, chunk):
            stop = min(start + chunk, done)
            gates = self._gates(layer, told, start, stop)
            layer.convolution.add_to(gates, h[:, start : stop + layer.before + layer.after])
            a, b = gates.chunk(2, dim=2)
            a.tanh_().mul_(b.sigmoid_())
            if width:
                add_product(hidden[:, start:stop], a, layer.residual)
            add_product(sums[:, start:stop], a, layer.skip)
        return hidden

    def _told(self, context: Tensor) -> tuple[Tensor, ...]:
        """What knots add to [a, b] of each layer; nothing where the context is not in knots."""
        if self.context_step == 1:
            return ()
        return F.linear(context, self.context, self.context_bias).chunk(len(self.layers), dim=2)

    def _gates(self, layer: _Layer, told: Tensor, start: int, stop: int) -> Tensor:
        """What the context, or what is told at its knots, adds to [a, b] in these steps."""
        step = self.context_step
        if step == 1:
            return F.linear(told[:, start:stop], layer.context, layer.bias)
        return interpolate_rows(told[:, start // step : stop // step + 1], step)


def _weights(layer: nn.Module) -> tuple[Tensor, Tensor]:
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, Tensor)
    assert isinstance(bias, Tensor)
    return weight.detach(), bias.detach()


def _matrix(layer: nn.Module) -> tuple[Tensor, Tensor]:
    """A 1×1 convolution as a matrix [out, in] and its bias."""
    weight, bias = _weights(layer)
    return weight[:, :, 0], bias
