import math

import pytest
import torch

from vocoder.audio import resample
from vocoder.errors import AudioError

RATES = [(48000, 22050), (44100, 22050), (24000, 22050), (22050, 24000), (22050, 48000), (22050, 16000)]


def tone(hertz: float, rate: int) -> torch.Tensor:
    return (0.5 * torch.sin(2 * math.pi * hertz * torch.arange(2 * rate, dtype=torch.float64) / rate)).float()


@pytest.mark.parametrize(("source", "target"), RATES)
@pytest.mark.parametrize("part", [0.01, 0.5, 0.9])
def test_a_tone_below_both_nyquist_frequencies_is_kept(source, target, part):
    """Within 0.01 dB, at the right time."""
    hertz = part * min(source, target) / 2
    middle = slice(target // 2, -target // 2)
    resampled = resample(tone(hertz, source), source, target)
    torch.testing.assert_close(resampled[middle], tone(hertz, target)[middle], rtol=0, atol=6e-4)


@pytest.mark.parametrize(("source", "target"), [pair for pair in RATES if pair[0] > pair[1]])
@pytest.mark.parametrize("part", [1.01, 1.04])
def test_a_tone_above_the_targets_nyquist_frequency_is_gone(source, target, part):
    left = resample(tone(part * target / 2, source), source, target)[target // 2 : -target // 2]
    assert float(left.abs().max()) < 1e-7


@pytest.mark.parametrize(("source", "target"), RATES)
@pytest.mark.parametrize("length", [1, 999, 30_001])
def test_the_length_follows_the_rates(source, target, length):
    assert abs(len(resample(torch.zeros(length), source, target)) - length * target / source) <= 0.5 + 1e-9


def test_a_batch_is_its_items():
    batch = torch.rand(3, 5000) - 0.5
    together = resample(batch, 22050, 16000)
    torch.testing.assert_close(together, torch.stack([resample(audio, 22050, 16000) for audio in batch]))


def test_the_same_rate_returns_the_audio_itself():
    audio = torch.rand(100)
    assert resample(audio, 22050, 22050) is audio


def test_a_rate_is_above_0():
    with pytest.raises(AudioError, match="above 0 Hz, got 0 and 22050"):
        resample(torch.zeros(10), 0, 22050)
