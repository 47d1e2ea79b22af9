"""The phase of a recording's fundamental: found in pulses that drift, held where nothing is voiced."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vocoder.networks.excitation import cycles_at_samples, pulse_train
from vocoder.networks.phase_track import fundamental_drift

HOP, RATE, KNOTS = 256, 22050, 41
START = torch.zeros(1, dtype=torch.float64)


def glide(low: float, high: float) -> Tensor:
    return torch.linspace(low, high, KNOTS)[None]


def apart(one: Tensor, other: Tensor) -> Tensor:
    """Distance on the circle, in cycles."""
    difference = one - other
    return (difference - difference.round()).abs()


@settings(max_examples=20, deadline=None)
@given(st.floats(90, 400), st.floats(90, 400), st.floats(-0.5, 0.5), st.floats(-0.05, 0.05))
def test_the_drift_of_pulses_is_found(low: float, high: float, offset: float, slope: float) -> None:
    f0 = glide(low, high)
    drift = (offset + slope * torch.arange(KNOTS))[None]
    pulses, _ = pulse_train(f0, START, HOP, RATE, drift)
    found = fundamental_drift(pulses, f0, torch.ones_like(f0), HOP, RATE)
    assert apart(found, drift)[:, 3:-3].max() < 0.03


def test_noise_and_other_harmonics_do_not_mislead() -> None:
    f0, generator = glide(150, 220), torch.Generator().manual_seed(0)
    phase = 2 * torch.pi * (cycles_at_samples(f0, START, HOP, RATE).float() + 0.2)
    audio = phase.cos() + 0.7 * (2 * phase + 1).cos() + 0.5 * (3 * phase + 2).cos()
    audio = audio + 0.3 * torch.randn(audio.shape, generator=generator)
    found = fundamental_drift(audio, f0, torch.ones_like(f0), HOP, RATE)
    assert apart(found, torch.tensor(0.2))[:, 3:-3].max() < 0.03


def test_the_last_value_holds_where_nothing_is_voiced() -> None:
    f0, voiced = glide(120, 120), torch.ones(1, KNOTS)
    voiced[:, 10:20] = 0.0
    audio = torch.randn(1, (KNOTS - 1) * HOP, generator=torch.Generator().manual_seed(1))
    found = fundamental_drift(audio, f0, voiced, HOP, RATE)
    assert (found[:, 9:20] == found[:, 9:10]).all()
    assert (found.diff(dim=1).abs() <= 0.5).all()


def test_a_recording_may_end_within_a_hop() -> None:
    f0 = glide(200, 200)
    pulses, _ = pulse_train(f0, START, HOP, RATE)
    found = fundamental_drift(pulses[:, :-100], f0, torch.ones_like(f0), HOP, RATE)
    assert found.shape == (1, KNOTS)
