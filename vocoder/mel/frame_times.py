"""Frames at one rate from frames at another, as they come."""

import math
from fractions import Fraction

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.mel.spec import MelSpec


def frames_lasting(num_frames: int, source: MelSpec, target: MelSpec) -> int:
    """Frames of `target` that last as long as so many of `source`, rounded, and one at least of one."""
    lasting = num_frames / _step(source, target)
    return max(math.floor(lasting + Fraction(1, 2)), min(num_frames, 1))


def _step(source: MelSpec, target: MelSpec) -> Fraction:
    """From one frame of the target to the next, in frames of the source."""
    return Fraction(target.hop_length * source.sample_rate, target.sample_rate * source.hop_length)


class FrameTimes:
    """Frames at the source's rate to frames at the target's, interpolated linearly. Frame 0 stays frame 0."""

    def __init__(self, source: MelSpec, target: MelSpec) -> None:
        self._source, self._target, step = source, target, _step(source, target)
        self._step, self._over = step.numerator, step.denominator  # frame j lies at j step / over
        self._seen = self._made = self._first = 0
        self._kept = torch.empty(target.num_mels, 0)  # from `_first`, which the next one needs, to `_seen`

    def push(self, frames: Float[Tensor, "*batch mel frame"]) -> Float[Tensor, "*batch mel frames"]:
        """Those that lie between frames which have come."""
        self._kept = torch.cat([self._kept, frames], dim=-1) if self._seen else frames
        self._seen += frames.shape[-1]
        return self._until(max(self._made, (self._seen - 1) * self._over // self._step + 1))

    def finish(self) -> Float[Tensor, "*batch mel frames"]:
        """The rest, until they last as long, rounded; the last frame stands for what would follow it."""
        return self._until(max(self._made, frames_lasting(self._seen, self._source, self._target)))

    def _until(self, count: int) -> Float[Tensor, "*batch mel frames"]:
        places = torch.arange(self._made, count) * self._step
        lower = places.div(self._over, rounding_mode="floor")
        weight = (places - lower * self._over) / self._over
        last = self._seen - 1 - self._first
        indices = ((lower + add - self._first).clamp(max=last).to(self._kept.device) for add in (0, 1))
        low, high = (self._kept.index_select(-1, index) for index in indices)
        self._made = count
        needed = count * self._step // self._over - self._first
        self._kept, self._first = self._kept[..., needed:], self._first + min(needed, last + 1)
        return torch.lerp(low, high, weight.to(self._kept))
