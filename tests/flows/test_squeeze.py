import pytest
import torch

from vocoder.errors import InputError
from vocoder.flows.coupling import checkerboard_mask
from vocoder.flows.squeeze import Checkerboard, SqueezeImage, SqueezeTime


def test_audio_is_grouped_as_in_waveglow():
    audio = torch.arange(12.0).view(1, 1, 12)
    z, _ = SqueezeTime(4).to_noise(audio)
    assert torch.equal(z[0].T, audio.view(3, 4))


def test_channels_of_a_series_stay_apart():
    x = torch.randn(2, 3, 8)
    z, _ = SqueezeTime(4).to_noise(x)
    assert torch.equal(z[:, 4:8], SqueezeTime(4).to_noise(x[:, 1:2])[0])


def test_a_block_of_pixels_becomes_neighbouring_channels():
    z, _ = SqueezeImage(2).to_noise(torch.arange(16.0).view(1, 1, 4, 4))
    assert z.shape == (1, 4, 2, 2)
    assert z[0, :, 0, 1].tolist() == [2, 3, 6, 7]


def test_the_colours_of_a_checkerboard_become_halves_of_the_channels():
    colours = checkerboard_mask(4, 6, keep_odd=True).float().expand(2, 3, 4, 6)
    z, _ = Checkerboard().to_noise(colours)
    assert z.shape == (2, 6, 4, 3)
    assert (z[:, :3] == 0).all()
    assert (z[:, 3:] == 1).all()


@pytest.mark.parametrize(
    ("squeeze", "shape", "what"),
    [
        (SqueezeTime(4), (1, 1, 10), "10 samples"),
        (SqueezeImage(2), (1, 1, 5, 4), "5 height"),
        (SqueezeImage(2), (1, 1, 4, 7), "7 width"),
        (Checkerboard(), (1, 1, 4, 7), "7 width"),
    ],
)
def test_what_does_not_divide_is_named(squeeze, shape, what):
    with pytest.raises(InputError, match=what):
        squeeze.to_noise(torch.zeros(shape))


@pytest.mark.parametrize(("squeeze", "shape"), [(SqueezeTime(4), (1, 6, 2)), (SqueezeImage(2), (1, 6, 2, 2))])
def test_channels_that_do_not_divide_are_named(squeeze, shape):
    with pytest.raises(InputError, match="6 channels"):
        squeeze.to_data(torch.zeros(shape))
