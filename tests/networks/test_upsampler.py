"""The mel upsampler: where a frame's samples lie, what it starts as, chunks and the ends of an utterance."""

import pytest
import torch

from vocoder.errors import ConfigError
from vocoder.networks.interpolation import interpolate_knots
from vocoder.networks.upsampler import MelUpsampler

FORMS = [
    {"form": "transposed", "scales": (4, 3), "context": 1},
    {"form": "transposed", "scales": (12,), "band_kernel": 3, "slope": 0.4},
    {"form": "stretched", "scales": (3, 4), "context": 2, "band_kernel": 3},
    {"form": "stretched", "scales": (2, 2, 3), "slope": 0.1},
    {"form": "apart", "scales": (4, 3), "band_kernel": 3, "slope": 0.0},
]
EVERY_FORM = pytest.mark.parametrize("options", FORMS)


def make(options: dict, *, trained: bool = False) -> MelUpsampler:
    torch.manual_seed(0)
    upsampler = MelUpsampler(5, **options)
    if trained:
        for parameter in upsampler.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    return upsampler.eval().requires_grad_(False)


def whole(upsampler: MelUpsampler, frames: torch.Tensor) -> torch.Tensor:
    left, right = upsampler.left_context, upsampler.right_context
    return upsampler(torch.nn.functional.pad(frames, (left, right), mode="replicate"), (left, right))


@EVERY_FORM
@pytest.mark.parametrize("num_frames", [1, 2, 7])
def test_every_frame_has_a_hop_of_samples(options, num_frames):
    upsampler = make(options, trained=True)
    assert whole(upsampler, torch.randn(2, 5, num_frames)).shape == (2, 5, 12 * num_frames)


@EVERY_FORM
def test_a_frame_lies_symmetrically_around_the_middle_of_its_hop(options):
    upsampler = make(options)
    frames = torch.zeros(1, 5, 9)
    frames[0, 2, 4] = 1
    (response,) = whole(upsampler, frames)[:, 2]
    torch.testing.assert_close(response, response.flip(0))
    assert response[48:60].min() > response[:36].max()


@EVERY_FORM
def test_it_starts_as_an_interpolation(options):
    """What is constant stays so, in each band, away from the ends."""
    level = torch.arange(1.0, 6.0)[None, :, None].expand(1, 5, 12)
    inside = whole(make(options), level)[..., 36:-36]
    torch.testing.assert_close(inside, level[..., :1].expand_as(inside))


@EVERY_FORM
def test_nothing_saturates(options):
    """Ten times the mel is ten times the context."""
    upsampler, frames = make(options, trained=True), torch.randn(1, 5, 4)
    torch.testing.assert_close(whole(upsampler, 10 * frames), 10 * whole(upsampler, frames))


@EVERY_FORM
@pytest.mark.parametrize("chunk", [1, 3])
def test_chunks_are_the_whole(options, chunk):
    upsampler, num_frames = make(options, trained=True), 9
    frames = torch.randn(1, 5, num_frames)
    left, right = upsampler.left_context, upsampler.right_context
    around = torch.nn.functional.pad(frames, (left, right), mode="replicate")
    parts = []
    for begin in range(0, num_frames, chunk):
        seen = around[..., begin : begin + chunk + left + right]
        outside = max(0, left - begin), max(0, begin + chunk + right - num_frames)
        parts.append(upsampler(seen, outside))
    torch.testing.assert_close(torch.cat(parts, dim=2), whole(upsampler, frames), rtol=0, atol=1e-6)


def test_apart_a_frame_reaches_its_own_hop_alone():
    upsampler = make({"form": "apart", "scales": (4, 3), "band_kernel": 3, "bias": True}, trained=True)
    assert upsampler.left_context == upsampler.right_context == 0
    frames, changed = torch.randn(2, 1, 5, 6).unbind()
    changed[..., :3] = frames[..., :3]
    same = whole(upsampler, frames) == whole(upsampler, changed)
    assert same[..., :36].all()
    assert not same[..., 36:].any()


def test_the_linear_form_puts_a_knot_on_the_first_sample_of_each_frame():
    upsampler = make({"form": "linear", "scales": (12,), "context": 1})
    frames = torch.randn(1, 5, 6)
    knots = whole(upsampler, frames)
    assert (upsampler.step, knots.shape[2]) == (12, 7)
    torch.testing.assert_close(interpolate_knots(knots, 12)[..., ::12], frames)


def test_a_band_kernel_without_a_middle_is_refused():
    with pytest.raises(ConfigError, match=r"odd.*got 2"):
        MelUpsampler(5, (12,), band_kernel=2)
