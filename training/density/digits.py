"""The 8×8 handwritten digits of scikit-learn (UCI, Alpaydin and Kaynak 1998), at 16 levels of grey."""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

LEVELS = 16
NUM_PIXELS = 64
NUM_TEST, NUM_VALID = 297, 100

Images = Float[Tensor, "batch 1 8 8"]


class Digits(NamedTuple):
    """Integers 0 … 15, as floats; the three parts are drawn once, with a fixed seed."""

    train: Images
    valid: Images
    test: Images


@cache
def load_digits() -> Digits:
    """1,400 images to train on, 100 to stop by, 297 held out. The 17th level, full black, joins the 16th."""
    from sklearn import datasets

    images = torch.from_numpy(datasets.load_digits().images).float().clamp(max=LEVELS - 1)[:, None]
    images = images[torch.randperm(len(images), generator=torch.Generator().manual_seed(0))]
    test, valid, train = images.split([NUM_TEST, NUM_VALID, len(images) - NUM_TEST - NUM_VALID])
    return Digits(train, valid, test)


def shift(images: Images, generator: torch.Generator) -> Images:
    """Each image moved by at most one pixel in both directions, white coming in at its edges."""
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1))
    windows = padded.unfold(2, 8, 1).unfold(3, 8, 1).flatten(2, 3)  # [batch, 1, place, 8, 8]
    place = torch.randint(9, (len(images),), generator=generator)
    return windows[torch.arange(len(images)), :, place]
