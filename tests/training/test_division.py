"""What is held out depends on the clips alone; minutes are a part of what remains, fewer of more."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from training.data.division import divide
from training.data.manifests import DataConfig
from vocoder.errors import ConfigError

RATE = 100


class Spoken(NamedTuple):
    speaker: str
    audio: np.ndarray
    name: int


@pytest.fixture
def clips() -> list[Spoken]:
    return [Spoken("anna" if i < 90 else "ben", np.zeros(RATE * 60, np.int16), i) for i in range(170)]


def names(clips: list[Spoken]) -> list[int]:
    return [clip.name for clip in clips]


def config(**changes) -> DataConfig:
    return DataConfig(root=Path(), sources=[{"folder": "a", "list": "b"}], **changes)


def test_every_fortieth_is_held_out(clips):
    train, held_out = divide(clips, config(), RATE)
    assert names(held_out) == [0, 40, 80, 120, 160]
    assert sorted(names(train + held_out)) == list(range(170))


def test_speakers_who_are_not_held_out_train_whole(clips):
    train, held_out = divide(clips, config(held_out_speakers=["anna"]), RATE)
    assert names(held_out) == [0, 40, 80]
    assert {120, 160} <= set(names(train))


def test_minutes_leave_what_is_held_out_and_fewer_are_a_part_of_more(clips):
    whole, held_out = divide(clips, config(), RATE)
    fewer, same = divide(clips, config(minutes=20), RATE)
    more, _ = divide(clips, config(minutes=40), RATE)
    assert names(same) == names(held_out)
    assert (len(fewer), len(more)) == (20, 40)
    assert set(names(fewer)) < set(names(more)) < set(names(whole))
    assert names(fewer) == sorted(names(fewer))


def test_what_is_not_there_is_refused(clips):
    with pytest.raises(
        ConfigError, match=r"data.minutes: 166 asked for, the recordings to train on have 165.0"
    ):
        divide(clips, config(minutes=166), RATE)
    with pytest.raises(ConfigError, match=r"none of the clips to hold out is of carl; .*anna, ben"):
        divide(clips, config(held_out_speakers=["carl"]), RATE)
