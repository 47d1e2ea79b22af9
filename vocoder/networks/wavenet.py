"""WaveNet: the one dilated, gated stack of convolutions that conditions every flow of sequences."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize

from vocoder.errors import InputError
from vocoder.networks.conditioner import check_context, zero_initialized
from vocoder.networks.interpolation import interpolate_knots
from vocoder.networks.window_attention import WindowAttention

State = list[Float[Tensor, "batch channel _"]]
"""What a stream carries from chunk to chunk: the last inputs of each dilated convolution."""


class WaveNet(nn.Module):
    """Layers h ← h + W · tanh(a) · σ(b), [a, b] a dilated convolution of h plus a 1×1 of the context.

    Layer i has dilation 2^(i mod cycle). With skip connections W also feeds the sum that the head reads;
    without, the head reads the last h. The output starts at zero. (van den Oord et al. 2016, sec. 2; without
    skips the student of Parallel WaveNet; not causal and with a head of one layer the WN of WaveGlow.)

    Args:
        in_channels, out_channels: of the sequences that come and go.
        causal: the output at t sees x up to t; otherwise equally far on both sides.
        kernel_size: of the dilated convolutions; odd if not causal.
        num_layers: depth.
        dilation_cycle: layers after which dilation starts again at 1; the whole depth by default.
        residual_channels: width of h.
        gate_channels: width of [a, b]; twice the residual channels by default.
        skip_channels: width of the skip sum; 0 for no skip connections.
        head_channels: the head is ReLU, 1×1, ReLU, 1×1 with this width between; 0 for one bare 1×1.
        context_channels: of a context `[B, C, T]`, or `[B, C]` for one vector a sequence; 0 for none. One 1×1
            convolution maps it for all layers.
        context_step: above 1, the context is `[B, C, T / step + 1]`: knots that lie that many samples apart.
            They are mapped at their own rate and interpolated in every layer, which is the same as
            interpolating first: a 1×1 convolution and an interpolation change places.
        attention_heads, attention_reach: of a `WindowAttention` between the first convolution and the layers,
            if not causal; 0 heads for none.
        variance_preserving: residual sums are scaled by √½ and the skip sum by 1/√layers.
        weight_norm: on every convolution but the last.

    Raises:
        InputError: an even kernel without causality, attention with it, odd gate channels, a context that
            does not fit.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        causal: bool,
        kernel_size: int = 3,
        num_layers: int = 10,
        dilation_cycle: int | None = None,
        residual_channels: int = 64,
        gate_channels: int | None = None,
        skip_channels: int = 64,
        head_channels: int = 0,
        context_channels: int = 0,
        context_step: int = 1,
        attention_heads: int = 0,
        attention_reach: int = 16,
        variance_preserving: bool = False,
        weight_norm: bool = False,
    ) -> None:
        super().__init__()
        gate_channels = gate_channels or 2 * residual_channels
        if not causal and kernel_size % 2 == 0:
            raise InputError(f"kernel_size must be odd if the network is not causal, got {kernel_size}")
        if gate_channels % 2:
            raise InputError(f"gate_channels must be even, one half a gate, got {gate_channels}")
        if causal and attention_heads:
            raise InputError("attention looks ahead: leave attention_heads at 0 in a network that is causal")
        self.causal, self.kernel_size = causal, kernel_size
        self.residual_channels, self.skip_channels = residual_channels, skip_channels
        self.context_channels, self.context_step = context_channels, context_step
        self.dilations = [2 ** (i % (dilation_cycle or num_layers)) for i in range(num_layers)]
        self.residual_scale = 0.5**0.5 if variance_preserving else 1.0
        self.skip_scale = num_layers**-0.5 if variance_preserving else 1.0

        def convolution(inputs: int, outputs: int, kernel_size: int = 1, dilation: int = 1) -> nn.Module:
            layer = nn.Conv1d(inputs, outputs, kernel_size, dilation=dilation)
            return parametrizations.weight_norm(layer) if weight_norm else layer

        self.first = convolution(in_channels, residual_channels)
        self.attention: WindowAttention | None = None
        if attention_heads:
            self.attention = WindowAttention(residual_channels, heads=attention_heads, reach=attention_reach)
        if context_channels:
            self.context = convolution(context_channels, gate_channels * num_layers)
        self.gates = nn.ModuleList(
            convolution(residual_channels, gate_channels, kernel_size, dilation)
            for dilation in self.dilations
        )
        last = skip_channels or residual_channels  # the last residual would be read by nobody
        mixed = [residual_channels + skip_channels] * (num_layers - 1) + [last]
        self.mixes = nn.ModuleList(convolution(gate_channels // 2, channels) for channels in mixed)
        self.head = nn.Sequential()
        if head_channels:
            self.head.extend([nn.ReLU(), convolution(last, head_channels), nn.ReLU()])
        self.head.append(zero_initialized(nn.Conv1d(head_channels or last, out_channels, 1)))

    @property
    def receptive_field(self) -> int:
        """Samples of x that one sample of the output sees."""
        attended = 2 * self.attention.reach if self.attention is not None else 0
        return 1 + (self.kernel_size - 1) * sum(self.dilations) + attended

    def forward(
        self, x: Float[Tensor, "batch in time"], context: Tensor | None = None
    ) -> Float[Tensor, "batch out time"]:
        return self._run(x, context, None)

    def activations(
        self, x: Float[Tensor, "batch in time"], context: Tensor | None = None
    ) -> tuple[Float[Tensor, "batch out time"], list[Tensor]]:
        """The output, and tanh(a) · σ(b) of every layer: the maps of features in which a signal is seen."""
        seen: list[Tensor] = []
        return self._run(x, context, None, seen), seen

    def initial_state(self, like: Float[Tensor, "batch in time"]) -> State:
        """The state before the first chunk: silence."""
        shapes = [(like.shape[0], self.residual_channels, (self.kernel_size - 1) * d) for d in self.dilations]
        return [like.new_zeros(shape) for shape in shapes]

    def stream(
        self, x: Float[Tensor, "batch in time"], context: Tensor | None, state: State
    ) -> tuple[Float[Tensor, "batch out time"], State]:
        """The output of the next chunk, and the state after it; the chunks' outputs are those of the whole.

        Raises:
            InputError: the network is not causal.
        """
        if not self.causal:
            raise InputError("a network that is not causal cannot stream: make it with causal=True")
        state = list(state)
        return self._run(x, context, state), state

    def remove_weight_norm(self) -> None:
        """Fold the norms into plain weights; the outputs stay, the layers get faster."""
        for module in self.modules():
            if parametrize.is_parametrized(module, "weight"):
                parametrize.remove_parametrizations(module, "weight")

    def _run(
        self,
        x: Tensor,
        context: Tensor | None,
        state: State | None,
        seen: list[Tensor] | None = None,
    ) -> Tensor:
        """All layers; a state that is given is brought up to date in place, `seen` gets the activations."""
        contexts = self._contexts(context, x)
        h, skips = self.first(x), 0.0
        if self.attention is not None:
            h = self.attention(h)
        for i, (gate, mix) in enumerate(zip(self.gates, self.mixes, strict=True)):
            gated = gate(self._extend(h, i, state))
            if contexts:
                gated = gated + self._at_rate(contexts[i])
            a, b = gated.chunk(2, dim=1)
            active = torch.tanh(a) * torch.sigmoid(b)
            if seen is not None:
                seen.append(active)
            mixed = mix(active)
            if self.skip_channels:
                skips = skips + mixed[:, -self.skip_channels :]
            if mixed.shape[1] > self.skip_channels:
                h = (h + mixed[:, : self.residual_channels]) * self.residual_scale
        hidden = self.head[:-1](skips * self.skip_scale if self.skip_channels else h)
        with torch.autocast(hidden.device.type, enabled=False):  # bfloat16 is too coarse for a location
            last = self.head[-1]
            return last(hidden.to(last.weight.dtype))

    def _extend(self, h: Tensor, layer: int, state: State | None) -> Tensor:
        """The input of a dilated convolution with what it needs before (and after, if not causal) it."""
        reach = (self.kernel_size - 1) * self.dilations[layer]
        if not self.causal:
            return F.pad(h, (reach // 2, reach // 2))
        if state is None:
            return F.pad(h, (reach, 0))
        extended = torch.cat([state[layer], h], dim=2)
        state[layer] = extended[:, :, extended.shape[2] - reach :]
        return extended

    def _contexts(self, context: Tensor | None, x: Tensor) -> Sequence[Tensor]:
        """What the context adds to [a, b] in each layer."""
        check_context(self, context, self.context_channels)
        if context is None:
            return ()
        if context.dim() == 2:
            context = context.unsqueeze(2)
        elif context.shape[2] != self._context_length(x.shape[2]):
            raise InputError(
                f"the context must have {self._context_length(x.shape[2])} time steps for {x.shape[2]} of x, "
                f"got {context.shape[2]}: upsample it to that, or give one vector a sequence"
            )
        return self.context(context).chunk(len(self.gates), dim=1)

    def _context_length(self, length: int) -> int:
        return length if self.context_step == 1 else length // self.context_step + 1

    def _at_rate(self, context: Tensor) -> Tensor:
        if self.context_step == 1 or context.shape[2] == 1:
            return context
        return interpolate_knots(context, self.context_step, offset=0.5)
