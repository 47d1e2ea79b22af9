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
