"""Devices that are not there are named; the rounding of products is one setting, and is given back."""

import pytest
import torch

from vocoder.device import rounded_products, usable_device
from vocoder.errors import ConfigError


def settings() -> tuple[bool, bool]:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("tf32", [False, True])
def test_products_are_rounded_inside_and_as_before_afterwards(tf32: bool) -> None:
    before = settings()
    with rounded_products(tf32=tf32):
        assert settings() == (tf32, tf32)
    assert settings() == before


def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="'nowhere'"):
        usable_device("nowhere")
