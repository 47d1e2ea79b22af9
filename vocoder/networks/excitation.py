"""Pitch pulses: a train of band-limited impulses that follows F0, with unit spectral density on average."""

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.networks.excitation_kernels import sum_harmonics
from vocoder.networks.interpolation import interpolate_knots

NEAR_ZERO = 1e-4
"""Of the sine of half the phase: below, the sum is what it is on a pulse."""


def pulse_train(
    frequency: Float[Tensor, "batch knot"],
    phase: Float[Tensor, "batch"],
    hop_length: int,
    sample_rate: int,
    drift: Float[Tensor, "batch knot"] | None = None,
) -> tuple[Float[Tensor, "batch sample"], Float[Tensor, "batch"]]:
    """Sum of all harmonics of F0 below half the sample rate, in cosine phase.

    Args:
        frequency: F0 in Hz at knots `hop_length` apart, linear in between.
        phase: phase of the fundamental at the first knot, in cycles, float64.
        drift: cycles at the knots that are added to the integral of F0, linear in between.

    Returns:
        The (knots - 1) * hop samples from the first knot on, in float32, and the phase at the last knot.

    The harmonics are summed in closed form (Dirichlet's kernel), the highest one faded in and out so that
    none appears with a click. Each has amplitude sqrt(4 f0 / sample_rate): as much power a hertz as white
    noise of variance 1.
    """
    if frequency.device.type == "cpu" and not torch.is_grad_enabled():
        return _compiled(frequency, phase, hop_length, sample_rate, drift)
    f0, cycles, end = _phase(frequency, phase, hop_length, sample_rate)
    if drift is not None:
        cycles = cycles + interpolate_knots(drift.double(), hop_length)
    harmonics = 0.5 * sample_rate / f0
    whole = harmonics.floor()
    angle = torch.pi * (cycles - cycles.round()).float()  # half the phase, in [-pi/2, pi/2]
    sine = torch.sin(angle)
    near_zero = sine.abs() < NEAR_ZERO
    kernel = (
        torch.sin((2 * whole + 1) * angle) / (2 * torch.where(near_zero, torch.ones_like(sine), sine)) - 0.5
    )
    kernel = torch.where(near_zero, whole, kernel)
    kernel = kernel + (harmonics - whole) * torch.cos(2 * (whole + 1) * angle)
    return kernel * (4 * f0 / sample_rate).sqrt(), end


def _compiled(
    frequency: Tensor, phase: Tensor, hop_length: int, sample_rate: int, drift: Tensor | None
) -> tuple[Tensor, Tensor]:
    """On the CPU, where nothing is differentiated."""
    step = (frequency.double() / sample_rate).contiguous()
    drift = torch.zeros_like(step) if drift is None else drift.double().contiguous()
    made = sum_harmonics(step.numpy(), phase.double().numpy(), drift.numpy(), hop_length, NEAR_ZERO)
    pulses, end = map(torch.from_numpy, made)
    return pulses, end


def cycles_at_samples(
    frequency: Float[Tensor, "batch knot"], phase: Float[Tensor, "batch"], hop_length: int, sample_rate: int
) -> Float[Tensor, "batch sample"]:
    """The integral of F0 from the first knot on, whole cycles dropped at each knot; float64."""
    return _phase(frequency, phase, hop_length, sample_rate)[1]


def _phase(
    frequency: Tensor, phase: Tensor, hop_length: int, sample_rate: int
) -> tuple[Tensor, Tensor, Tensor]:
    """F0 and phase in cycles at each sample; the phase in float64, whole cycles dropped at each knot."""
    step = frequency.double() / sample_rate
    left, slope = step[:, :-1, None], (step[:, 1:, None] - step[:, :-1, None]) / hop_length
    at_knots = torch.cat([phase[:, None], hop_length * (step[:, :-1] + step[:, 1:]) / 2], dim=1).cumsum(dim=1)
    at_knots = at_knots - at_knots.floor()
    r = torch.arange(hop_length, dtype=torch.float64, device=frequency.device)
    cycles = at_knots[:, :-1, None] + r * left + 0.5 * r.square() * slope
    f0 = (left + r * slope) * sample_rate
    return f0.flatten(1).float(), cycles.flatten(1), at_knots[:, -1]
