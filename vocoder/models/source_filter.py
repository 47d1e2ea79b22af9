"""The first stage of the student: pulses and filters from a mel, the context of the linear flow.

    x = b(mel) + A(mel) e

A filters the excitation e; the shift b is a train of pitch pulses through a filter of their own.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.flows.linear_filter import FrameFilters, filter_chunk
from vocoder.mel import MelSpec
from vocoder.networks.excitation import pulse_train
from vocoder.networks.spectral_filter import SourceFilters


class PulseState(NamedTuple):
    """Where the pulses of a stream are."""

    phase: Float[Tensor, "batch"]  # at the next knot, in cycles, float64
    past: Float[Tensor, "batch history"]  # the last samples of the train


class Sources(NamedTuple):
    """The context of the linear flow, and the pulses as they are before their filter."""

    filters: FrameFilters
    pulses: Float[Tensor, "batch sample"]


def sources(
    f0: Float[Tensor, "batch knot"], responses: SourceFilters, state: PulseState, spec: MelSpec
) -> tuple[Sources, PulseState]:
    """The sources between the first knot and the last, and where the pulses are then; F0 in Hz."""
    pulses, phase = pulse_train(f0, state.phase, spec.hop_length, spec.sample_rate)
    shift = filter_chunk(pulses, responses.pulses, state.past, spec.hop_length)
    past = torch.cat([state.past, pulses], dim=1)[:, pulses.shape[1] :]
    return Sources(FrameFilters(responses.noise, shift.unsqueeze(1)), pulses), PulseState(phase, past)
