"""What the conditioner networks share: they are called with (x, context) and start at zero."""

from typing import TypeVar

from torch import Tensor, nn

from vocoder.errors import InputError

Layer = TypeVar("Layer", bound=nn.Module)


def zero_initialized(layer: Layer) -> Layer:
    """The layer with weight and bias set to zero."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def check_context(network: nn.Module, context: Tensor | None, channels: int) -> None:
    """Raise `InputError` unless a context of `channels` came exactly where one was declared."""
    name = type(network).__name__
    if context is None and channels:
        raise InputError(
            f"{name} was made for a context of {channels} channels, got none: pass it as context"
        )
    if context is not None and context.shape[1] != channels:
        raise InputError(
            f"{name} was made for a context of {channels} channels, got {context.shape[1]}: "
            f"set the network's context size"
        )


def split_parameters(output: Tensor, num_parameters: int, x: Tensor) -> Tensor:
    """A conditioner's output `[B, P·C, ...]` as parameters `[B, P, C, ...]` of the elements x `[B, C, ...]`.

    Raises:
        InputError: the output has another number of channels, or other positions than x.
    """
    expected = (x.shape[0], num_parameters * x.shape[1], *x.shape[2:])
    if output.shape != expected:
        raise InputError(
            f"the conditioner must give {num_parameters} parameters an element, shape {list(expected)}, "
            f"got {list(output.shape)}: set its number of outputs to {expected[1]}"
        )
    return output.unflatten(1, (num_parameters, x.shape[1]))
