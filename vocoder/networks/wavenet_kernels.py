"""Compiled steps of a causal WaveNet, one position at a time, for sampling.

Matrices are laid out `[in, out]`: the outputs stay in the cache while eight rows at a time are added.
"""

import numpy as np

from vocoder.compiling import compiled
from vocoder.networks.drawing import Drawing


@compiled
def add_product(out: np.ndarray, x: np.ndarray, matrix: np.ndarray) -> None:
    """`out` += `x` @ `matrix`."""
    rows, columns = matrix.shape
    whole = rows - rows % 8
    for i in range(0, whole, 8):
        x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        x4, x5, x6, x7 = x[i + 4], x[i + 5], x[i + 6], x[i + 7]
        for j in range(columns):
            out[j] += (
                (x0 * matrix[i, j] + x1 * matrix[i + 1, j])
                + (x2 * matrix[i + 2, j] + x3 * matrix[i + 3, j])
                + (x4 * matrix[i + 4, j] + x5 * matrix[i + 5, j])
                + (x6 * matrix[i + 6, j] + x7 * matrix[i + 7, j])
            )
    for i in range(whole, rows):
        for j in range(columns):
            out[j] += x[i] * matrix[i, j]


@compiled
def tanh(x: np.float32) -> np.float32:
    """tanh to 3e-7: Lambert's continued fraction, cut off, at x / 4, then twice the double-angle formula."""
    y = min(max(x, np.float32(-9.0)), np.float32(9.0)) * np.float32(0.25)
    s = y * y
    above = y * (np.float32(135135.0) + s * (np.float32(17325.0) + s * (np.float32(378.0) + s)))
    below = np.float32(135135.0) + s * (np.float32(62370.0) + s * (np.float32(3150.0) + s * np.float32(28.0)))
    # tanh(2y) = 2ab / (a² + b²) for tanh(y) = a / b
    sine, cosine = np.float32(2.0) * above * below, above * above + below * below
    half = sine / cosine
    return np.float32(2.0) * half / (np.float32(1.0) + half * half)


@compiled
def gate(out: np.ndarray, gated: np.ndarray) -> None:
    """`out` = tanh(a) · σ(b) for `gated` = [a, b]."""
    half = out.shape[0]
    for j in range(half):
        out[j] = tanh(gated[j]) * (
            np.float32(0.5) + np.float32(0.5) * tanh(np.float32(0.5) * gated[half + j])
        )


@compiled
def stack_step(
    skips: np.ndarray,
    h: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    share: np.float32,
    position: int,
    queue: np.ndarray,
    dilations: np.ndarray,
    gates: np.ndarray,
    gate_bias: np.ndarray,
    mixes: np.ndarray,
    mix_bias: np.ndarray,
    residual_scale: np.float32,
    gated: np.ndarray,
    active: np.ndarray,
    mixed: np.ndarray,
) -> None:
    """All layers at one position: `h` goes in, the sum of the skip connections is left in `skips`.

    `left`, `right`: what the context adds in each layer `[layer, 2C]` at the knots before and after, of which
    `share` is the distance from the left one. `queue` `[slot, channel]` holds for each layer, one after the
    other, a ring of the last (K - 1) · dilation inputs. `gated`, `active`, `mixed` are scratch.
    """
    layers, taps = gates.shape[0], gates.shape[1]
    residual = h.shape[0]
    skips[:] = 0
    base = 0
    for layer in range(layers):
        gated[:] = gate_bias[layer]
        for j in range(gated.shape[0]):
            gated[j] += left[layer, j] + (right[layer, j] - left[layer, j]) * share
        ring = (taps - 1) * dilations[layer]
        for k in range(taps - 1):
            slot = base + (position + k * dilations[layer]) % ring
            add_product(gated, queue[slot], gates[layer, k])
        add_product(gated, h, gates[layer, taps - 1])
        queue[base + position % ring] = h
        base += ring
        gate(active, gated)
        mixed[:] = mix_bias[layer]
        add_product(mixed, active, mixes[layer])
        for j in range(skips.shape[0]):
            skips[j] += mixed[residual + j]
        for j in range(residual):
            h[j] = (h[j] + mixed[j]) * residual_scale


@compiled
def draw(parameters: np.ndarray, drawing: Drawing, noise: np.float32, uniform: np.float64) -> np.float32:
    """A sample of the density that `drawing` describes, from a draw of its standard variable.

    `uniform` chooses the component; the weights are summed in float64.
    """
    components, min_log_scale, gaussian, floor = drawing
    chosen, start = 0, 0
    if components > 1:
        start = components
        largest = parameters[0]
        for k in range(1, components):
            largest = max(largest, parameters[k])
        total = 0.0
        for k in range(components):
            total += np.exp(np.float64(parameters[k]) - largest)
        below = 0.0
        for k in range(components - 1):
            below += np.exp(np.float64(parameters[k]) - largest)
            if below < uniform * total:
                chosen = k + 1
    log_scale = max(parameters[start + components + chosen], np.float32(min_log_scale))
    scale = np.exp(log_scale)
    if floor > 0:
        furthest = np.float32(reach(np.float64(floor) * scale, gaussian))
        noise = min(max(noise, -furthest), furthest)
    return np.float32(parameters[start + chosen] + scale * noise)


@compiled
def reach(density: float, gaussian: bool) -> float:
    """As `standard_reach` of `LocationScale`: the largest value at which the standard density is so high."""
    if gaussian:
        return np.sqrt(max(-2 * np.log(density * np.sqrt(2 * np.pi)), 0.0))
    product = min(4 * density, 1.0)
    tail = product / (2 * (1 + np.sqrt(1 - product)))
    return np.log((1 - tail) / tail)


@compiled
def draw_class(logits: np.ndarray, temperature: float, uniform: np.float64) -> int:
    """The class that `uniform` stands for; at temperature 0 the likeliest. Summed in float64."""
    likeliest = int(np.argmax(logits))
    if temperature == 0:
        return likeliest
    largest, total = np.float64(logits[likeliest]), 0.0
    for k in range(logits.shape[0]):
        total += np.exp((logits[k] - largest) / temperature)
    below = 0.0
    for k in range(logits.shape[0] - 1):
        below += np.exp((logits[k] - largest) / temperature)
        if below >= uniform * total:
            return k
    return logits.shape[0] - 1


@compiled
def sample(
    line: np.ndarray,
    noise: np.ndarray,
    uniform: np.ndarray,
    told: np.ndarray,
    position: int,
    queue: np.ndarray,
    sizes: tuple,
    first: np.ndarray,
    first_bias: np.ndarray,
    head: np.ndarray,
    head_bias: np.ndarray,
    last: np.ndarray,
    last_bias: np.ndarray,
    dilations: np.ndarray,
    gates: np.ndarray,
    gate_bias: np.ndarray,
    mixes: np.ndarray,
    mix_bias: np.ndarray,
    residual_scale: np.float32,
) -> None:
    """Fill `line`, whose first value is the last one spoken: samples, or classes where there are any.

    `told` `[row, layer, 2C]`: what the context adds, a row a sample or, with a step above 1, a row a knot.
    `position`: samples spoken before, in all. `noise` is the temperature where samples are classes.
    """
    step, classes, drawing, bound = sizes
    h, skips = np.empty_like(first_bias), np.empty(head.shape[0], np.float32)
    gated, active = np.empty(gates.shape[3], np.float32), np.empty(gates.shape[3] // 2, np.float32)
    mixed, hidden = np.empty(mix_bias.shape[1], np.float32), np.empty_like(head_bias)
    parameters = np.empty_like(last_bias)
    zero, between = np.float32(0.0), np.int64(step > 1)
    for n in range(noise.shape[0]):
        before = line[n]
        row = np.int64(before) if classes else 0
        weight = np.float32(1.0) if classes else before
        for j in range(h.shape[0]):
            h[j] = first_bias[j] + weight * first[row, j]
        knot, share = n // step, np.float32((n % step + 0.5) / step) if between else zero
        stack_step(
            skips,
            h,
            told[knot],
            told[knot + between],
            share,
            position + n,
            queue,
            dilations,
            gates,
            gate_bias,
            mixes,
            mix_bias,
            residual_scale,
            gated,
            active,
            mixed,
        )
        for j in range(skips.shape[0]):
            skips[j] = max(skips[j], zero)
        hidden[:] = head_bias
        add_product(hidden, skips, head)
        for j in range(hidden.shape[0]):
            hidden[j] = max(hidden[j], zero)
        parameters[:] = last_bias
        add_product(parameters, hidden, last)
        if classes:
            line[n + 1] = draw_class(parameters, noise[n], uniform[n])
        else:
            value = draw(parameters, drawing, noise[n], uniform[n])
            line[n + 1] = min(max(value, -bound), bound)
