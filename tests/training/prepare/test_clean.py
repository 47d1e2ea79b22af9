"""What a recording must be, and what is made of it."""

import pytest
import torch
from torch import Tensor

from training.prepare.clean import CleanConfig, Unfit, clean
from vocoder.audio import active_level

RATE = 22050
CONFIG = CleanConfig()


def speech(seconds: float, *, level: float = 0.1, pause: float = 0.3) -> Tensor:
    """Bursts of noise with pauses between, which is what the checks hear as speech."""
    noise = torch.randn(int(seconds * RATE), generator=torch.Generator().manual_seed(0)) * level
    time = torch.arange(len(noise)) / RATE
    return torch.where(time % 1 < 1 - pause, noise, noise * 1e-3).clamp(-0.99, 0.99)


def silence(seconds: float) -> Tensor:
    return torch.zeros(int(seconds * RATE))


def test_silence_at_the_ends_is_cut_off() -> None:
    (piece,) = clean(torch.cat([silence(2), speech(3.7), silence(1)]), RATE, CONFIG)
    assert len(piece) / RATE == pytest.approx(3.7 + 2 * CONFIG.margin_seconds, abs=0.05)


@pytest.mark.parametrize("level", [0.01, 0.1, 0.2])
def test_every_piece_has_one_level(level: float) -> None:
    (piece,) = clean(speech(4.0, level=level), RATE, CONFIG)
    assert active_level(piece, RATE) == pytest.approx(CONFIG.level_db, abs=0.1)


def test_a_long_recording_is_cut_in_its_pauses_and_loses_nothing() -> None:
    config = CleanConfig(max_seconds=5.0, level_db=-20.0)
    recording = speech(18.7)
    pieces = clean(recording, RATE, config)
    assert all(len(piece) <= 5 * RATE for piece in pieces)
    assert sum(map(len, pieces)) == len(recording)
    ends = torch.stack([piece[-RATE // 50 :].abs().max() for piece in pieces[:-1]])
    assert ends.max() < 0.01


def test_the_rate_is_brought_down_never_up() -> None:
    (piece,) = clean(speech(3.0), 2 * RATE, CONFIG)
    assert len(piece) / RATE == pytest.approx(1.5, abs=0.25)
    with pytest.raises(Unfit, match="16000 Hz"):
        clean(speech(3.0), 16000, CONFIG)


@pytest.mark.parametrize(
    ("audio", "reason"),
    [
        (silence(3), "silent"),
        (speech(0.3), "short"),
        (torch.sign(speech(3)), "clipped"),
        (speech(3, pause=0.0), "noisy"),
    ],
)
def test_what_is_unfit_says_why(audio: Tensor, reason: str) -> None:
    with pytest.raises(Unfit, match=reason):
        clean(audio, RATE, CONFIG)
