"""Context vectors of groups: what they see, and that a window of them is cut from the whole."""

import pytest
import torch
from torch import Tensor

from vocoder.errors import ConfigError
from vocoder.networks.upsampler import GroupUpsampler

MADE = [
    pytest.param({"group_size": 8}, id="published"),
    pytest.param({"group_size": 8, "out_channels": 5}, id="by group"),
    pytest.param({"group_size": 12, "width": 3}, id="groups across hops"),
]


def make(**options) -> GroupUpsampler:
    torch.manual_seed(0)
    return GroupUpsampler(3, 32, **options).double().requires_grad_(False)


def frames() -> Tensor:
    return torch.randn(2, 3, 10, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_channels_are_the_samples_of_a_group() -> None:
    upsampler = make(group_size=8)
    samples = upsampler.convolution(frames())
    context = upsampler(frames(), 0, 40)
    assert torch.equal(context[:, 2 * 8 + 3, 7], samples[:, 2, 7 * 8 + 3])


@pytest.mark.parametrize("options", MADE)
def test_frames_reach_their_width_and_nothing_before_them(options) -> None:
    upsampler = make(**options)
    changed = frames()
    changed[:, :, 4] += 1
    groups = upsampler.num_groups(10)
    difference = (upsampler(changed, 0, groups) - upsampler(frames(), 0, groups)).abs().amax((0, 1))
    reached = difference.nonzero().flatten() * upsampler.group_size
    assert reached.min() // 32 >= 4 - (32 % upsampler.group_size > 0)
    assert reached.max() < (4 + upsampler.width) * 32


@pytest.mark.parametrize("options", MADE)
def test_later_groups_need_frames_from_the_first_frame_on(options) -> None:
    upsampler = make(**options)
    whole = upsampler(frames(), 0, upsampler.num_groups(10))
    for group in range(whole.shape[2]):
        first = upsampler.first_frame(group)
        begin = upsampler.num_groups(first)
        assert begin * upsampler.group_size == first * 32
        window = upsampler(frames()[..., first:], group - begin, whole.shape[2] - begin)
        torch.testing.assert_close(window, whole[..., group:])


def test_groups_that_cut_hops_need_samples() -> None:
    with pytest.raises(ConfigError, match="groups of 12 do not divide the hop of 32"):
        make(group_size=12, out_channels=4)
