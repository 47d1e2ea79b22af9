import pytest
import torch
from torch import Tensor

from vocoder.audio import resample
from vocoder.errors import MelMismatch
from vocoder.mel import DIALECTS, Estimator, MelFrontend, MelSpec, convert, dialect, estimate, mel_spec

NVIDIA = dialect("nvidia")
SOURCES = {
    "itself": NVIDIA,
    "of another scale": mel_spec(
        {"dialect": "nvidia", "mel_scale": "htk", "mel_norm": "none", "fmax": 11025, "num_mels": 100}
    ),
    "of power": mel_spec({"dialect": "nvidia", "power": 2, "floor": 1e-10, "log_base": "10"}),
    "with pre-emphasis": mel_spec({"dialect": "nvidia", "pre_emphasis": 0.97}),
    "with a longer window": mel_spec(
        {"dialect": "nvidia", "n_fft": 2048, "win_length": 1200, "padding": 1024}
    ),
    "of 44.1 kHz": mel_spec(
        {
            "dialect": "nvidia",
            "sample_rate": 44100,
            "n_fft": 2048,
            "win_length": 2048,
            "hop_length": 512,
            "padding": 1024,
            "num_mels": 128,
            "fmax": 22050,
        }
    ),
    "vocos": dialect("vocos"),
    "of 16 kHz": mel_spec({"dialect": "nvidia", "sample_rate": 16000, "win_length": 800, "hop_length": 200}),
}


def mel_of(audio: Tensor, spec: MelSpec) -> Tensor:
    return MelFrontend(spec)(resample(audio, NVIDIA.sample_rate, spec.sample_rate))


def both(audio: Tensor, source: MelSpec) -> tuple[Tensor, Tensor]:
    """What is estimated, and what it should be."""
    estimated, expected = estimate(mel_of(audio, source), source, NVIDIA), mel_of(audio, NVIDIA)
    assert abs(estimated.shape[1] - expected.shape[1]) <= 1
    frames = min(estimated.shape[1], expected.shape[1]) - 2
    return estimated[:, :frames], expected[:, :frames]


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_speech_is_estimated_within_about_a_decibel(source, recordings):
    estimated, expected = both(recordings[0], source)
    assert float((estimated - expected)[:-2].abs().mean()) < 0.13  # 8.7 dB a unit


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_noise_keeps_its_level(source):
    noise = 0.1 * torch.randn(60000, generator=torch.Generator().manual_seed(1))
    estimated, expected = both(noise, source)
    assert abs(float((estimated - expected)[:-2, 4:-4].exp().mean()) - 1) < 0.15


@pytest.mark.parametrize("name", ["pwg-22k", "r9y9"])
def test_bands_that_the_source_has_do_not_suffer_from_those_it_lacks(name, recordings):
    estimated, expected = both(recordings[0], dialect(name))
    assert float((estimated - expected)[4:-6].abs().mean()) < 0.1


def test_what_could_be_converted_is_estimated_alike(recordings):
    source = mel_spec({"dialect": "nvidia", "log_base": "10", "multiplier": 20, "offset": -20})
    mel = mel_of(recordings[0], source)
    difference = estimate(mel, source, NVIDIA) - convert(mel, source, NVIDIA)
    assert float(difference.abs().mean()) < 0.02


@pytest.mark.parametrize("source", [dialect("vocos"), dialect("pwg-24k"), dialect("pwg-22k")])
def test_frames_that_come_in_pieces_give_the_same(source, recordings):
    mel = mel_of(recordings[0][:40000], source)
    estimator = Estimator(source, NVIDIA)
    pieces = [estimator.push(piece) for piece in mel.split([1, 2, 0, 7, mel.shape[1] - 10], dim=1)]
    whole = estimate(mel, source, NVIDIA)
    torch.testing.assert_close(torch.cat([*pieces, estimator.finish()], dim=1), whole, atol=1e-4, rtol=0)


def test_a_batch_is_estimated_as_its_items(recordings):
    mels = MelFrontend(dialect("vocos"))(torch.stack([audio[:20000] for audio in recordings]))
    together = estimate(mels, dialect("vocos"), NVIDIA)
    alone = torch.stack([estimate(mel, dialect("vocos"), NVIDIA) for mel in mels])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", sorted(DIALECTS.keys() - {"clarinet"}))
def test_silence_of_every_dialect_is_quiet(name):
    source = dialect(name)
    estimated = estimate(mel_of(torch.zeros(20000), source), source, NVIDIA)
    assert float(estimated.max()) < -8


def test_a_floor_that_hides_quiet_sounds_is_refused():
    with pytest.raises(MelMismatch, match="clarinet mel says nothing of quiet sounds: its floor lies 47 dB"):
        Estimator(dialect("clarinet"), NVIDIA)


def test_bands_without_a_bin_are_passed_over(recordings):
    source = mel_spec(
        {"dialect": "nvidia", "n_fft": 512, "win_length": 512, "padding": 256, "num_mels": 160, "fmax": 11025}
    )
    estimated, _ = both(recordings[0], source)
    assert estimated.isfinite().all()
