"""Air: noise of one band alone, at its level, in step with the pitch; the same in any pieces."""

import math

import pytest
import torch
from torch import Tensor

from tests.models.meeting import check_streams_meet
from vocoder.errors import ConfigError
from vocoder.mel import DIALECTS
from vocoder.models import Student, StudentConfig, Vocoder, WaveGlow, WaveGlowConfig
from vocoder.models.air import LAG, Air, AirConfig, share_of_air
from vocoder.models.high_band import REACH, convolve, high_band, high_band_noise, high_pass
from vocoder.networks.excitation import cycles_at_samples

SPEC = DIALECTS["nvidia"]
SECOND = SPEC.sample_rate
TAPS = high_pass(SPEC)
SMALL = {"hidden": 8, "layers": 3, "lookahead": 1}
AIR = {"voiced": 0.8, "unvoiced": 0.4}
SOURCE = {"pitch": SMALL, "filters": SMALL, "num_bands": 16, "num_taps": 64, "noise_cepstrum": 32}
COUPLING = {"layers": 2, "channels": 8, "skip_channels": 8}
GLOW = {"group_size": 16, "flows": 3, "context_channels": 8, "source": SOURCE, "wavenet": COUPLING}


def student(**more: object) -> Student:
    return Student(StudentConfig.model_validate({**SOURCE, **more}), SPEC)


def waveglow(**more: object) -> WaveGlow:
    return WaveGlow(WaveGlowConfig.model_validate(GLOW | more), SPEC)


MODELS = {"student": student, "waveglow": waveglow}


def make(name: str, **more: object) -> Vocoder:
    torch.manual_seed(0)
    model = MODELS[name](**more)
    if isinstance(model, WaveGlow):
        for step in model.steps:
            torch.nn.init.normal_(step.network.head[-1].weight, std=0.2)
        torch.nn.init.normal_(model.guide.weight, std=0.1)
    return model.eval().requires_grad_(False)


@pytest.fixture(params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def knots(seconds: float, hertz: float, chance: float) -> tuple[Tensor, Tensor]:
    """F0 that glides to half as much again, and the probability of voice."""
    count = round(seconds * SPEC.frame_rate) + 1
    f0 = torch.linspace(hertz, 1.5 * hertz, count, dtype=torch.float64)
    return f0[None], torch.full((1, count), chance, dtype=torch.float64)


def start() -> Tensor:
    return torch.zeros(1, dtype=torch.int64)


def phase(cycles: float = 0.0) -> Tensor:
    return torch.tensor([cycles], dtype=torch.float64)


def power_below(audio: Tensor, hertz: float) -> tuple[Tensor, Tensor]:
    """And above it."""
    spectrum = torch.fft.rfft(audio.double()).abs().square()
    edge = round(hertz / (SECOND / 2) * spectrum.shape[-1])
    return spectrum[..., :edge].mean(), spectrum[..., edge:].mean()


def test_noise_lies_above_the_mel_with_variance_one_a_hertz() -> None:
    noise = high_band_noise([1], start(), 4 * SECOND, TAPS)[0]
    below, _ = power_below(noise, 7100)
    _, above = power_below(noise, 8900)
    assert 10 * torch.log10(below / above) < -40
    assert above / len(noise) == pytest.approx(1.0, abs=0.02)
    assert torch.equal(TAPS, TAPS.flip(0))
    assert len(TAPS) == 2 * REACH + 1


def test_the_compiled_filter_is_a_convolution() -> None:
    signal = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(high_band(signal, TAPS), convolve(signal, TAPS), rtol=0, atol=1e-5)


@pytest.mark.parametrize("fmax", [None, SECOND / 2, 10_500.0])
def test_a_mel_up_to_about_half_the_rate_leaves_no_band(fmax: float | None) -> None:
    config = StudentConfig(air=AirConfig(voiced=1.0))
    with pytest.raises(ConfigError, match="there is no band above a mel up to"):
        Student(config, SPEC.model_copy(update={"fmax": fmax}))


def test_noise_is_that_of_its_sample_however_it_is_cut() -> None:
    whole = high_band_noise([1, 2], torch.tensor([5, 900]), 1000, TAPS)
    for begin, end in ((0, 1), (1, 257), (257, 258), (258, 1000)):
        piece = high_band_noise([1, 2], torch.tensor([5, 900]) + begin, end - begin, TAPS)
        assert torch.equal(piece, whole[:, begin:end])
    assert not torch.equal(whole[0], whole[1])


def air(voiced: float, unvoiced: float) -> Air:
    return Air(AirConfig(voiced=voiced, unvoiced=unvoiced), SPEC, 1.0)


def test_compiled_loops_are_the_formula() -> None:
    f0, voiced = knots(1.0, 110.0, 0.7)
    made = air(0.9, 0.2)([3], start(), f0, voiced, phase(0.3), 0.5)
    noise = high_band_noise([3], start(), made.shape[1], TAPS)
    swell = air(0.9, 0.2).swell(f0, voiced, 0.5 * (0.2 + 0.7 * voiced), phase(0.3 - LAG))
    torch.testing.assert_close(made, (noise * swell).float(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("hertz", [80.0, 200.0, 400.0])
@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_power_is_the_levels_whatever_the_pitch(hertz: float, chance: float) -> None:
    f0, voiced = knots(8.0, hertz, chance)
    even = high_band_noise([3], start(), (f0.shape[1] - 1) * 256, TAPS)
    made = air(0.9, 0.3)([3], start(), f0, voiced, phase(), 1.0)
    level = 0.3 + 0.6 * chance
    assert made.square().mean() / even.square().mean() == pytest.approx(level**2, rel=0.03)


def test_voiced_noise_swells_once_a_period_and_other_noise_does_not() -> None:
    def depth(chance: float) -> complex:
        f0, voiced = knots(8.0, 120.0, chance)
        made = air(1.0, 1.0)([3], start(), f0, voiced, phase(), 1.0)[0]
        cycles = cycles_at_samples(f0, phase(), SPEC.hop_length, SPEC.sample_rate)[0]
        turned = made.square() * torch.exp(-2j * math.pi * cycles)
        return complex(turned.sum() / made.square().sum())

    assert abs(depth(1.0)) == pytest.approx(0.5, abs=0.03)
    assert depth(1.0) == pytest.approx(
        0.5 * complex(math.cos(2 * math.pi * LAG), -math.sin(2 * math.pi * LAG)), abs=0.03
    )
    assert abs(depth(0.0)) < 0.03


def test_a_stream_with_air_is_the_whole(name: str, mel: Tensor) -> None:
    model = make(name, air=AIR)
    whole = model.synthesize(mel, seed=3)
    assert not torch.allclose(whole, make(name).synthesize(mel, seed=3), atol=1e-3)
    stream = model.open_stream(seed=3)
    pieces = [stream.push(piece) for piece in mel.split([1, 3, 0, 20, 16], dim=1)]
    torch.testing.assert_close(torch.cat([*pieces, stream.finish()]), whole, rtol=0, atol=1e-4)


def test_streams_with_air_that_began_apart_share_a_batch(name: str, mel: Tensor) -> None:
    check_streams_meet(make(name, air=AIR), torch.cat([mel, mel.flip(1)], dim=1), frames=2, atol=1e-4)


def test_a_batch_with_air_equals_its_single_requests(name: str, mel: Tensor) -> None:
    model, batch = make(name, air=AIR), torch.stack([mel, mel.flip(1)])
    together = model.synthesize(batch, seed=[1, 2])
    for row, item, seed in zip(together, batch, [1, 2], strict=True):
        torch.testing.assert_close(row, model.synthesize(item, seed=seed), rtol=0, atol=1e-4)


def test_what_a_filter_colors_stays_in_its_band(name: str, mel: Tensor) -> None:
    added = make(name, air=AIR).synthesize(mel, seed=3) - make(name).synthesize(mel, seed=3)
    below, above = power_below(added, 7000)
    assert 10 * torch.log10(below / above) < -30


def test_without_temperature_there_is_no_air(name: str, mel: Tensor) -> None:
    airy, plain = (make(name, **more).synthesize(mel, seed=3, temperature=0.0) for more in ({"air": AIR}, {}))
    assert torch.equal(airy, plain)


def test_a_cooler_call_has_less_air(name: str, mel: Tensor) -> None:
    def added(temperature: float | None) -> Tensor:
        airy, plain = (
            make(name, temperature=0.8, **more).synthesize(mel, seed=3, temperature=temperature)
            for more in ({"air": AIR}, {})
        )
        return airy - plain

    torch.testing.assert_close(2 * added(0.4), added(None), rtol=0, atol=1e-5)
    assert not added(1.0).any()


@pytest.mark.parametrize("own", [0.4, 0.65, 1.0])
def test_powers_of_flow_and_air_change_places(own: float) -> None:
    assert share_of_air(own, own) == 1.0
    assert share_of_air(own / 2, own) == 0.5
    assert share_of_air(0.0, own) == share_of_air(0.5, 0.0) == 0.0
    warmer = (own + 1) / 2
    if own < 1:
        missing = 1 - own**2
        assert warmer**2 + share_of_air(warmer, own) ** 2 * missing == pytest.approx(1.0)
        assert share_of_air(1.0, own) == share_of_air(1.5, own) == 0.0
    else:
        assert share_of_air(1.5, own) == 1.0


def test_no_air_is_none(name: str, mel: Tensor) -> None:
    without = make(name, air={"voiced": 0.0, "unvoiced": 0.0})
    assert without.air is None
    assert torch.equal(without.synthesize(mel, seed=3), make(name).synthesize(mel, seed=3))


def test_a_density_knows_nothing_of_air(name: str, mel: Tensor) -> None:
    audio = make(name).synthesize(mel[:, :8], seed=3)[None]
    airy, plain = (make(name, **more).log_prob(audio, mel[None, :, :8]) for more in ({"air": AIR}, {}))
    assert torch.equal(airy, plain)


def test_a_waveglow_needs_a_source_for_it() -> None:
    with pytest.raises(ValueError, match="without a source there is no filter to color it"):
        WaveGlowConfig.model_validate({"air": AIR})
