"""Where a recording's pitch pulses are: the phase of its fundamental against the integral of F0."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from vocoder.networks.excitation import cycles_at_samples

WINDOW = 1024
"""Samples in which the phase is measured: four periods of 100 Hz at 22,050 Hz."""


@torch.no_grad()
def fundamental_drift(
    audio: Float[Tensor, "batch sample"],
    frequency: Float[Tensor, "batch knot"],
    voiced: Float[Tensor, "batch knot"],
    hop_length: int,
    sample_rate: int,
) -> Float[Tensor, "batch knot"]:
    """By how many cycles the fundamental of `audio` is ahead of integrated F0 (from phase 0 on) at each knot.

    The recording is demodulated at F0 (Hz) and smoothed over `WINDOW` samples. Where `voiced`, a probability,
    is at most ½, the last value holds; neighbouring knots differ by at most half a cycle. What `pulse_train`
    takes as its `drift`.
    """
    start = torch.zeros(len(frequency), dtype=torch.float64, device=frequency.device)
    cycles = cycles_at_samples(frequency, start, hop_length, sample_rate)
    turn = torch.polar(torch.ones_like(cycles), -2 * math.pi * cycles).to(torch.complex64)
    turned = F.pad(audio.float() * turn[:, : audio.shape[1]], (WINDOW // 2, WINDOW // 2))
    turned = F.pad(turned, (0, cycles.shape[1] - audio.shape[1]))
    window = torch.hann_window(WINDOW, device=audio.device).to(turned.dtype)
    angle = (turned.unfold(1, WINDOW, hop_length) @ window).angle() / (2 * math.pi)
    index = torch.arange(angle.shape[1], device=angle.device).expand_as(angle)
    last = torch.where(voiced > 0.5, index, torch.zeros_like(index)).cummax(dim=1).values
    steps = angle.gather(1, last).diff(dim=1, prepend=torch.zeros_like(angle[:, :1]))
    return (steps - steps.round()).cumsum(dim=1)
