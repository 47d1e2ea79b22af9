"""Pitch pulses in one compiled loop."""

import math

import numpy as np

from vocoder.compiling import compiled


@compiled
def sum_harmonics(
    step: np.ndarray, phase: np.ndarray, drift: np.ndarray, hop: int, near_zero: float
) -> tuple[np.ndarray, np.ndarray]:
    """The pulses of `pulse_train` and the phase at the last knot.

    `step` `[batch, knot]` is F0 in cycles a sample; `drift`, of that shape, and `phase` `[batch]` are in
    cycles; all in float64. Where |sin| of half the phase is below `near_zero`, the quotient is its limit.
    """
    batch, knots = step.shape
    pulses = np.empty((batch, max(0, knots - 1) * hop), np.float32)
    end = np.empty(batch)
    half, one, two = np.float32(0.5), np.float32(1), np.float32(2)
    for item in range(batch):
        at_knot = phase[item] - math.floor(phase[item])
        for knot in range(knots - 1):
            left, right = step[item, knot], step[item, knot + 1]
            slope = (right - left) / hop
            from_drift, to_drift = drift[item, knot], drift[item, knot + 1]
            for r in range(hop):
                cycles = at_knot + r * left + 0.5 * r * r * slope
                cycles += from_drift + (to_drift - from_drift) * (r / hop)
                angle = np.float32(math.pi * (cycles - math.floor(cycles + 0.5)))
                now = np.float32(left + r * slope)
                harmonics = half / now
                whole = np.float32(math.floor(harmonics))
                sine = np.float32(math.sin(angle))
                kernel = whole
                if abs(sine) >= near_zero:
                    kernel = np.float32(math.sin((two * whole + one) * angle)) / (two * sine) - half
                kernel += (harmonics - whole) * np.float32(math.cos(two * (whole + one) * angle))
                pulses[item, knot * hop + r] = kernel * np.float32(math.sqrt(np.float32(4) * now))
            at_knot += hop * (left + right) / 2
            at_knot -= math.floor(at_knot)
        end[item] = at_knot
    return pulses, end
