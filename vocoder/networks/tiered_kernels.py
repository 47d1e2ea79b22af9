"""The compiled sampling loop of a `TieredWaveNet`."""

import numpy as np

from vocoder.compiling import compiled
from vocoder.networks.wavenet_kernels import add_product, draw, gate, stack_step


@compiled
def sample(
    line: np.ndarray,
    history: int,
    noise: np.ndarray,
    uniform: np.ndarray,
    knots: np.ndarray,
    lag: np.ndarray,
    position: int,
    queue: np.ndarray,
    sizes: tuple,
    first: np.ndarray,
    first_bias: np.ndarray,
    told_matrix: np.ndarray,
    told_bias: np.ndarray,
    near_matrix: np.ndarray,
    mix_matrix: np.ndarray,
    mix_offset: np.ndarray,
    last_matrix: np.ndarray,
    last_bias: np.ndarray,
    dilations: np.ndarray,
    gates: np.ndarray,
    gate_bias: np.ndarray,
    mixes: np.ndarray,
    mix_bias: np.ndarray,
    residual_scale: np.float32,
) -> None:
    """Fill `line`, whose first `history` samples are those already spoken, one group after the other.

    `knots` `[knot, layer, 2C]`: what the context adds. `position`: groups spoken before, in all.
    """
    group, reach, step, drawing = sizes
    near_taps, width = near_matrix.shape
    h, skips = np.empty_like(first_bias), np.empty(told_matrix.shape[0], np.float32)
    gated, active = np.empty(gates.shape[3], np.float32), np.empty(gates.shape[3] // 2, np.float32)
    mixed = np.empty(mix_bias.shape[1], np.float32)
    told, seen = np.empty_like(told_bias), np.empty(first.shape[0], np.float32)
    heard, spoken = np.empty(width, np.float32), np.empty(width // 2, np.float32)
    hidden, parameters = np.empty(last_matrix.shape[0], np.float32), np.empty_like(last_bias)
    mixes_out = mix_offset.shape[0]  # what else the last layer reads is what the gate reads
    for n in range(lag.shape[0]):
        start = history + n * group
        back = start - max(lag[n], group + reach) - reach
        seen[:group] = line[start - group : start]
        seen[group:] = line[back : back + group + 2 * reach]
        h[:] = first_bias
        add_product(h, seen, first)
        knot, share = n // step, np.float32((n % step + 0.5) / step)
        stack_step(
            skips,
            h,
            knots[knot],
            knots[knot + 1],
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
        told[:] = told_bias
        add_product(told, skips, told_matrix)
        for i in range(group):
            t = start + i
            heard[:] = told[i * width : (i + 1) * width]
            add_product(heard, line[t - near_taps : t], near_matrix)
            gate(spoken, heard)
            hidden[:mixes_out] = mix_offset
            add_product(hidden[:mixes_out], spoken, mix_matrix)
            for j in range(mixes_out):
                hidden[j] = max(hidden[j], np.float32(0.0))
            for j in range(mixes_out, hidden.shape[0]):
                hidden[j] = heard[j - mixes_out]
            parameters[:] = last_bias
            add_product(parameters, hidden, last_matrix)
            line[t] = draw(parameters, drawing, noise[n * group + i], uniform[n * group + i])
