"""The denoiser: NVIDIA's numbers, the whole and its parts, what it takes off and what it leaves."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from vocoder.errors import InputError
from vocoder.inference.denoiser import Denoiser, DenoiserStream

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def golden() -> dict[str, Tensor]:
    with np.load(GOLDEN / "waveglow" / "b_mel80_denoiser.io.npz") as file:
        return {name: torch.from_numpy(np.asarray(file[name])) for name in file}


@pytest.fixture(scope="module")
def denoiser(golden) -> Denoiser:
    return Denoiser(golden["denoiser_bias_spec"][0, :, 0])


@pytest.mark.parametrize("strength", ["0.1", "1.0"])
@pytest.mark.parametrize(("name", "source"), [("infer", "c0_infer_audio"), ("noise", "denoiser_in_noise")])
def test_it_gives_the_numbers_of_the_original(golden, denoiser, name, source, strength):
    wanted = golden[f"denoiser_out_{name}_strength{strength}"][0, 0]
    torch.testing.assert_close(denoiser(golden[source][0], float(strength)), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("length", [1, 100, 512, 513, 1000, 2048, 5001])
@pytest.mark.parametrize("size", [1, 97, 256, 4000])
def test_a_stream_is_the_whole(denoiser, length, size):
    if size == 1 and length > 1000:
        pytest.skip("one sample at a time: shown on the shorter ones")
    audio = torch.randn(length, generator=torch.Generator().manual_seed(length))
    stream = DenoiserStream(denoiser, 0.5)
    parts = [*(stream.push(part) for part in audio.split(size)), stream.finish()]
    assert sum(map(len, parts)) == length
    torch.testing.assert_close(torch.cat(parts), denoiser(audio, 0.5), rtol=0, atol=1e-5)


def test_no_strength_changes_nothing(denoiser):
    audio = torch.randn(3000)
    assert torch.equal(denoiser(audio, 0.0), audio)


def test_no_bias_changes_next_to_nothing():
    audio = torch.randn(3000)
    torch.testing.assert_close(Denoiser(torch.zeros(513))(audio, 1.0), audio, rtol=0, atol=1e-5)


def test_audio_is_at_most_a_window_late(denoiser):
    stream, given = DenoiserStream(denoiser, 0.5), 0
    for taken in range(64, 6400, 64):
        given += len(stream.push(torch.randn(64)))
        assert taken - given <= 1024


def test_a_steady_tone_goes_and_speech_stays():
    time = torch.arange(22050) / 22050
    tone = 0.01 * torch.sin(2 * torch.pi * 22050 / 8 * time)
    other = 0.1 * torch.sin(2 * torch.pi * 500 * time)
    bias = torch.stft(tone, 1024, 256, window=torch.hann_window(1024), return_complex=True).abs()
    cleaned = Denoiser(bias.median(dim=1).values)(tone + other, 1.0)
    inside = slice(2048, -2048)
    left = (cleaned - other)[inside].square().mean() / tone[inside].square().mean()
    assert 10 * torch.log10(left) < -30


@pytest.mark.parametrize("strength", [-0.1, 10.5, float("nan")])
def test_a_strength_outside_is_refused(denoiser, strength):
    with pytest.raises(InputError, match="denoise must lie between 0 and 10"):
        denoiser(torch.zeros(10), strength)


def test_a_voice_keeps_its_denoiser(teacher_file):
    from vocoder.checkpoints import load

    voice = load(str(teacher_file))
    assert Denoiser.of(voice) is Denoiser.of(voice)
    assert Denoiser.of(voice).bias.shape == (513,)
    assert not torch.equal(Denoiser.of(voice).bias, Denoiser.of(voice, "zeros").bias)
