"""From linear mel energies to the values that a dialect writes, and back."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.mel.spec import MelSpec


def compress(linear: Float[Tensor, "*batch mel frame"], spec: MelSpec) -> Float[Tensor, "*batch mel frame"]:
    """Stages 6 to 9 of `MelSpec`: floor, logarithm, range, statistics."""
    y = linear + spec.floor if spec.floor_mode == "add" else linear.clamp(min=spec.floor)
    if spec.log_base != "none":
        y = y.log() / spec.log_of_base
    y = spec.multiplier * y + spec.offset
    if spec.dynamic_range is not None:
        y = y.maximum(y.amax(dim=(-2, -1), keepdim=True) - spec.dynamic_range)
    if spec.value_range is not None:
        low, high = spec.value_range
        y = ((y - low) / (high - low)).clamp(0, 1)
    if spec.mean is not None:
        mean, std = _statistics(spec, y)
        y = (y - mean) / std
    return y


def expand(mel: Float[Tensor, "*batch mel frame"], spec: MelSpec) -> Float[Tensor, "*batch mel frame"]:
    """The linear mel whose `compress` is `mel`, where no stage clipped; never negative."""
    y = to_log_units(mel, spec)
    y = (y - spec.offset) / spec.multiplier
    if spec.log_base != "none":
        y = (y * spec.log_of_base).exp()
    return (y - spec.floor if spec.floor_mode == "add" else y).clamp(min=0)


def to_log_units(mel: Float[Tensor, "*batch mel frame"], spec: MelSpec) -> Float[Tensor, "*batch mel frame"]:
    """Take the statistics and the [0, 1] range back: the values as stage 6 gave them."""
    if spec.mean is not None:
        mean, std = _statistics(spec, mel)
        mel = mel * std + mean
    if spec.value_range is not None:
        low, high = spec.value_range
        mel = mel * (high - low) + low
    return mel


def silence(spec: MelSpec, num_frames: int = 1) -> Float[Tensor, "mel frame"]:
    """The mel of digital silence, `[num_mels, num_frames]`, in the units of `spec`."""
    return compress(torch.zeros(spec.num_mels, num_frames), spec)


def _statistics(spec: MelSpec, like: Tensor) -> tuple[Tensor, Tensor]:
    mean, std = (like.new_tensor(values or (math.nan,)).unsqueeze(-1) for values in (spec.mean, spec.std))
    return mean, std
