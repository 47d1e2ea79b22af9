"""Air: noise of one band alone, at its level, in step with the pitch; the same in any pieces."""

import math

import pytest
import torch
from torch import Tensor

from tests.models.meeting import check_streams_meet
from vocoder.errors import ConfigError
from vocoder.mel import DIALECTS
from vocoder.models import Student, StudentConfig, Vocoder, WaveGlow, WaveGlowConfig
from vocoder.models.air import LAG, AirConfig, _swell, breath
from vocoder.models.high_band import REACH, high_band_noise, high_pass
from vocoder.networks.excitation import cycles_at_samples

SPEC = DIALECTS["nvidia"]
SECOND = SPEC.sample_rate
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


def power_below(audio: Tensor, hertz: float) -> Tensor:
    spectrum = torch.fft.rfft(audio.double()).abs().square()
    edge = round(hertz / (SECOND / 2) * spectrum.shape[-1])
    return spectrum[..., :edge].mean(), spectrum[..., edge:].mean()


def test_noise_lies_above_the_mel_with_variance_one_a_hertz() -> None:
    noise = high_band_noise([1], start(), 4 * SECOND, SPEC, torch.device("cpu"))[0]
    below, _ = power_below(noise, 7100)
    _, above = power_below(noise, 8900)
    assert 10 * torch.log10(below / above) < -40
    assert above / len(noise) == pytest.approx(1.0, abs=0.02)
    taps = high_pass(SPEC)
    assert torch.equal(taps, taps.flip(0))
    assert len(taps) == 2 * REACH + 1


def test_a_mel_up_to_half_the_rate_leaves_no_band() -> None:
    with pytest.raises(ConfigError, match="nothing lies above a mel up"):
        Student(StudentConfig(air=AirConfig()), SPEC.model_copy(update={"fmax": SECOND / 2}))


def test_noise_is_that_of_its_sample_however_it_is_cut() -> None:
    device = torch.device("cpu")
    whole = high_band_noise([1, 2], torch.tensor([5, 900]), 1000, SPEC, device)
    for begin, end in ((0, 1), (1, 257), (257, 258), (258, 1000)):
        piece = high_band_noise([1, 2], torch.tensor([5, 900]) + begin, end - begin, SPEC, device)
        assert torch.equal(piece, whole[:, begin:end])
    assert not torch.equal(whole[0], whole[1])


def test_compiled_loops_are_the_formula() -> None:
    f0, voiced = knots(1.0, 110.0, 0.7)
    config = AirConfig(voiced=0.9, unvoiced=0.2)
    made = breath(config, SPEC, [3], start(), f0, voiced, phase(0.3), gain=0.5)
    noise = high_band_noise([3], start(), made.shape[1], SPEC, made.device)
    swell = _swell(f0, voiced, 0.5 * config.level(voiced), phase(0.3 - LAG), SPEC)
    torch.testing.assert_close(made, (noise * swell).float(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("hertz", [80.0, 200.0, 400.0])
@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_power_is_the_levels_whatever_the_pitch(hertz: float, chance: float) -> None:
    f0, voiced = knots(8.0, hertz, chance)
    config = AirConfig(voiced=0.9, unvoiced=0.3)
    even = high_band_noise([3], start(), (f0.shape[1] - 1) * 256, SPEC, f0.device)
    made = breath(config, SPEC, [3], start(), f0, voiced, phase())
    level = 0.3 + 0.6 * chance
    assert made.square().mean() / even.square().mean() == pytest.approx(level**2, rel=0.03)


def test_voiced_noise_swells_once_a_period_and_other_noise_does_not() -> None:
    def depth(chance: float) -> complex:
        f0, voiced = knots(8.0, 120.0, chance)
        made = breath(AirConfig(voiced=1.0, unvoiced=1.0), SPEC, [3], start(), f0, voiced, phase())[0]
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


def test_a_cooler_call_has_less_air_and_a_warmer_no_more(name: str, mel: Tensor) -> None:
    def added(temperature: float | None) -> Tensor:
        airy, plain = (make(name, temperature=0.8, **more) for more in ({"air": AIR}, {}))
        return airy.synthesize(mel, seed=3, temperature=temperature) - plain.synthesize(
            mel, seed=3, temperature=temperature
        )

    torch.testing.assert_close(2 * added(0.4), added(None), rtol=0, atol=1e-5)
    torch.testing.assert_close(added(1.2), added(None), rtol=0, atol=1e-5)


def test_a_density_knows_nothing_of_air(name: str, mel: Tensor) -> None:
    audio = make(name).synthesize(mel[:, :8], seed=3)[None]
    airy, plain = (make(name, **more).log_prob(audio, mel[None, :, :8]) for more in ({"air": AIR}, {}))
    assert torch.equal(airy, plain)


def test_a_waveglow_needs_a_source_for_it() -> None:
    with pytest.raises(ValueError, match="without a source there is no filter to color it"):
        WaveGlowConfig.model_validate({"air": AIR})
