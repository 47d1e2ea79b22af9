"""Which clips train and which are kept out: the same whatever else is asked of the data."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from training.data.manifests import DataConfig
from vocoder.errors import ConfigError

HELD_OUT = 40
"""Every fortieth clip is kept out of training."""


@runtime_checkable
class Spoken(Protocol):
    """A clip as far as it matters here; `audio` is one-dimensional."""

    @property
    def speaker(self) -> str: ...

    @property
    def audio(self) -> Any: ...


C = TypeVar("C", bound=Spoken)


def divide(clips: Sequence[C], config: DataConfig, sample_rate: int) -> tuple[list[C], list[C]]:
    """Clips that train and clips that are held out, each in the order they came.

    Held out is every fortieth, of `held_out_speakers` alone if given; of the rest `minutes` train. Which
    clips make up the minutes is drawn, the same each time: fewer minutes are a part of more.

    Raises:
        ConfigError: nothing is held out, or there are fewer minutes than asked for.
    """
    heard = config.held_out_speakers or {clip.speaker for clip in clips}
    out = [not i % HELD_OUT and clip.speaker in heard for i, clip in enumerate(clips)]
    held_out = [clip for clip, kept_out in zip(clips, out, strict=True) if kept_out]
    train = [clip for clip, kept_out in zip(clips, out, strict=True) if not kept_out]
    if clips and not held_out:
        speakers = ", ".join(sorted({clip.speaker for clip in clips}))
        raise ConfigError(
            f"data.held_out_speakers: none of the clips to hold out is of {', '.join(heard)}; "
            f"the data's speakers: {speakers}"
        )
    return (train if config.minutes is None else _part(train, config.minutes, sample_rate)), held_out


def _part(clips: list[C], minutes: float, sample_rate: int) -> list[C]:
    order = np.random.default_rng(0).permutation(len(clips))
    until = np.cumsum([len(clips[i].audio) for i in order]) / sample_rate / 60
    if not len(until) or until[-1] < minutes:
        there = until[-1] if len(until) else 0.0
        raise ConfigError(f"data.minutes: {minutes:g} asked for, the recordings to train on have {there:.1f}")
    chosen = order[: int(np.searchsorted(until, minutes)) + 1]
    return [clips[i] for i in sorted(chosen)]
