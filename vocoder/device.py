"""Where the tensors are, and how a GPU multiplies them."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from vocoder.errors import ConfigError


def usable_device(name: str | torch.device) -> torch.device:
    """The device of that name; raises `ConfigError` when torch has no such device here."""
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(
            f"device {str(name)!r} cannot be used here ({reason}); choose cpu, or cuda where there is one"
        ) from None
    return device


def round_products(*, tf32: bool) -> None:
    """Whether GPUs round what goes into float32 products to TF32, in this process from now on.

    Torch has a setting for matrices, by default off, and one for convolutions, by default on; a teacher hears
    its own rounding.
    """
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32


@contextmanager
def rounded_products(*, tf32: bool) -> Iterator[None]:
    """As `round_products`, inside."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    round_products(tf32=tf32)
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
