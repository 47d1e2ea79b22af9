"""The layers of a WaveNet over some steps of time in one compiled loop."""

import numpy as np

from vocoder.compiling import compiled
from vocoder.networks.row_kernels import add_products
from vocoder.networks.wavenet_kernels import gate


@compiled
def add_layer(
    mixed: np.ndarray,
    gated: np.ndarray,
    active: np.ndarray,
    seen: np.ndarray,
    before: int,
    dilation: int,
    gates: np.ndarray,
    residual_bias: np.ndarray,
    residual_scale: np.float32,
    mix: np.ndarray,
) -> None:
    """One layer: the next one's input into `mixed` `[step, channel + sum]`, its part of the sums added there.

    `seen` `[step, channel]` are its inputs, from `before` steps before the first; `gated` what the context
    adds to its gates. Both `gated` and `active` are written over.
    """
    count, channels = len(gated), seen.shape[1]
    for tap in range(len(gates)):
        start = tap * dilation
        add_products(gated, seen[start : start + count], gates[tap])
    for step in range(count):
        gate(active[step], gated[step])
        for j in range(channels):
            mixed[step, j] = seen[before + step, j] * residual_scale + residual_bias[j]
    add_products(mixed, active, mix)


@compiled
def stream_layers(
    x: np.ndarray,
    told: np.ndarray,
    held: np.ndarray,
    dilations: np.ndarray,
    first: np.ndarray,
    first_bias: np.ndarray,
    gates: np.ndarray,
    mixes: np.ndarray,
    residual_biases: np.ndarray,
    residual_scale: np.float32,
    sum_bias: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """A causal network's sums `[batch, step, sum]` over the layers, and what replaces `held`.

    `x` `[batch, step, in]` are the next steps. `told` `[batch, knot, layer · 2C]` is what context and biases
    add to the gates at knots, the first before the first step; the steps are the middles of equal parts of
    the intervals. `held` `[batch, slot, channel]` has the last (K - 1) · dilation inputs of each layer, one
    layer after the other. Matrices are `[in, out]`: `gates` `[layer, tap, channel, 2C]`, `mixes`
    `[layer, C, channel + sum]`.
    """
    batch, count, _ = x.shape
    layers, taps, channels, width = gates.shape
    interval = count // (told.shape[1] - 1)
    deepest = (taps - 1) * dilations.max()
    seen = np.empty((deepest + count, channels), x.dtype)
    gated = np.empty((count, width), x.dtype)
    active = np.empty((count, width // 2), x.dtype)
    hidden = np.empty((count, channels), x.dtype)
    mixed = np.empty((count, mixes.shape[2]), x.dtype)
    sums = np.empty((batch, count, len(sum_bias)), x.dtype)
    following = np.empty_like(held)
    for item in range(batch):
        hidden[:] = first_bias
        add_products(hidden, x[item], first)
        mixed[:, :channels] = hidden
        mixed[:, channels:] = sum_bias
        base = 0
        for layer in range(layers):
            before = (taps - 1) * dilations[layer]
            seen[:before] = held[item, base : base + before]
            seen[before : before + count] = mixed[:, :channels]
            following[item, base : base + before] = seen[count : count + before]
            base += before
            for step in range(count):
                knot, part = step // interval, step % interval
                share = gated.dtype.type((part + 0.5) / interval)
                left = told[item, knot, layer * width : (layer + 1) * width]
                right = told[item, knot + 1, layer * width : (layer + 1) * width]
                for j in range(width):
                    gated[step, j] = left[j] + (right[j] - left[j]) * share
            add_layer(
                mixed,
                gated,
                active,
                seen,
                before,
                dilations[layer],
                gates[layer],
                residual_biases[layer],
                residual_scale,
                mixes[layer],
            )
        sums[item] = mixed[:, channels:]
    return sums, following


@compiled
def stream_centred_layers(
    x: np.ndarray,
    context: np.ndarray,
    held: np.ndarray,
    owed: np.ndarray,
    contexts: np.ndarray,
    gate_biases: np.ndarray,
    dilations: np.ndarray,
    first: np.ndarray,
    first_bias: np.ndarray,
    gates: np.ndarray,
    mixes: np.ndarray,
    residual_biases: np.ndarray,
    residual_scale: np.float32,
    sum_bias: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """As `stream_layers` for a network that looks equally far back and ahead, in the middle of a stream.

    A sum is whole when the last layer has seen what lies ahead of its step. `owed` `[batch, step, sum]` are
    those of earlier steps that are not; the new ones are appended to them, and the first `count` of what is
    returned are whole. `context` `[batch, step, context]` is that of all steps without a whole sum,
    `contexts` `[layer, context, 2C]` maps it, and half of the inputs in `held` are still to be answered.
    """
    batch, count, _ = x.shape
    layers, taps, channels, width = gates.shape
    deepest = (taps - 1) * dilations.max()
    seen = np.empty((deepest + count, channels), x.dtype)
    gated = np.empty((count, width), x.dtype)
    active = np.empty((count, width // 2), x.dtype)
    mixed = np.empty((count, mixes.shape[2]), x.dtype)
    hidden = np.empty((count, channels), x.dtype)
    waiting = owed.shape[1]
    sums = np.empty((batch, waiting + count, len(sum_bias)), x.dtype)
    sums[:, :waiting] = owed
    sums[:, waiting:] = sum_bias
    following = np.empty_like(held)
    for item in range(batch):
        hidden[:] = first_bias
        add_products(hidden, x[item], first)
        base, offset = 0, waiting + (taps - 1) // 2 * dilations[0]
        for layer in range(layers):
            reach = (taps - 1) * dilations[layer]
            seen[:reach] = held[item, base : base + reach]
            seen[reach : reach + count] = hidden
            following[item, base : base + reach] = seen[count : count + reach]
            base += reach
            offset -= reach // 2
            gated[:] = gate_biases[layer]
            add_products(gated, context[item, offset : offset + count], contexts[layer])
            mixed[:, channels:] = sums[item, offset : offset + count]
            add_layer(
                mixed,
                gated,
                active,
                seen,
                reach // 2,
                dilations[layer],
                gates[layer],
                residual_biases[layer],
                residual_scale,
                mixes[layer],
            )
            hidden[:] = mixed[:, :channels]
            sums[item, offset : offset + count] = mixed[:, channels:]
    return sums, following
