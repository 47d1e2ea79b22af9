"""Where the tensors are."""

import torch

from vocoder.errors import ConfigError


def usable_device(name: str | torch.device) -> torch.device:
    """The device of that name; raises `ConfigError` when torch has no such device here.

    Convolutions on a GPU become float32 as they are on a CPU: torch would round what goes into them to TF32,
    and a teacher hears its own rounding.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(
            f"device {str(name)!r} cannot be used here ({reason}); choose cpu, or cuda where there is one"
        ) from None
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
    return device
