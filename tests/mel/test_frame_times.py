from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vocoder.mel import dialect, mel_spec
from vocoder.mel.frame_times import FrameTimes

NVIDIA = dialect("nvidia")
RATES = {
    "the same": NVIDIA,
    "the same at twice the rate": mel_spec(
        {"dialect": "nvidia", "sample_rate": 44100, "n_fft": 2048, "win_length": 2048, "hop_length": 512}
    ),
    "fewer": dialect("pwg-24k"),
    "more": dialect("vocos"),
    "half as many": dialect("librosa"),
    "four times as many": mel_spec({"dialect": "nvidia", "hop_length": 64}),
}


def moments(num_frames: int, spec) -> torch.Tensor:
    """The time of each frame in each band."""
    return (torch.arange(num_frames) * spec.hop_length / spec.sample_rate).expand(80, -1)


@pytest.mark.parametrize("source", RATES.values(), ids=RATES)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=8))
def test_what_is_linear_in_time_stays_so_however_it_comes(source, sizes):
    times, seen = FrameTimes(source, NVIDIA), moments(sum(sizes), source)
    made = torch.cat([*map(times.push, seen.split(sizes, dim=1)), times.finish()], dim=1)
    ratio = Fraction(source.hop_length * NVIDIA.sample_rate, source.sample_rate * NVIDIA.hop_length)
    assert abs(made.shape[1] - sum(sizes) * ratio) <= 1 or made.shape[1] == 1
    expected = moments(made.shape[1], NVIDIA)
    if sum(sizes):
        expected = expected.clamp(max=float(seen.max()))  # the last frame stands for what would follow
    torch.testing.assert_close(made, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("source", RATES.values(), ids=RATES)
def test_a_frame_waits_for_no_more_than_one_other(source):
    times = FrameTimes(source, NVIDIA)
    for num_frames in range(1, 20):
        made = times.push(moments(num_frames, source)[:, -1:])
        if made.shape[1]:
            latest = float(made.max())
    assert latest > float(moments(18, source).max()) - NVIDIA.hop_length / NVIDIA.sample_rate


def test_nothing_makes_nothing():
    assert FrameTimes(dialect("vocos"), NVIDIA).finish().shape == (80, 0)
