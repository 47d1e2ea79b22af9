"""Laws of the autoregressive vocoders: in two tiers, and once a sample in all its forms."""

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.models.meeting import check_streams_meet
from vocoder.checkpoints import load_checkpoint, save_checkpoint
from vocoder.config import read_config
from vocoder.distributions import Mixture, QuantizationGrid
from vocoder.errors import ConfigError, InputError, NoDensity
from vocoder.mel import mel_spec
from vocoder.models import MODELS, Teacher, TeacherConfig, WaveNetVocoder, WaveNetVocoderConfig
from vocoder.models.autoregressive import PCM16, AutoregressiveVocoder
from vocoder.models.warmth import Warmth
from vocoder.noise import logistic_noise, normal_noise, uniform_noise

CONFIGS = Path(__file__).parents[2] / "configs" / "model" / "teacher"
SPEC = mel_spec(
    {"dialect": "nvidia", "n_fft": 256, "win_length": 256, "hop_length": 64, "padding": 128, "num_mels": 20}
)
SMALL = {"hidden": 6, "layers": 2, "lookahead": 1}
FILTER = {**SMALL, "num_bands": 16, "num_taps": 24, "num_cepstrum": 12}
TIERS = {"group": 8, "reach": 2, "head_kernel": 10, "head_channels": 6, "layers": 3}
STACK = {"layers": 4, "dilation_cycle": 2, "residual_channels": 8, "gate_channels": 10, "skip_channels": 8}
ONE = {"components": 1}

MODELS_HERE = {
    "tiers": {"whitening": FILTER, "wavenet": TIERS},
    "tiers-unwhitened-mixture": {"whitening": None, "wavenet": TIERS, "output": {"components": 3}},
    "transposed": {"upsampler": {"scales": [8, 8]}, "output": {"components": 10}},
    "stretched": {"upsampler": {"form": "stretched", "scales": [4, 16], "slope": 0.4}},
    "linear-gaussian": {"upsampler": {"form": "linear", "scales": [64]}, "output": {"family": "gaussian"}},
    "whitened": {"upsampler": {"scales": [64]}, "whitening": FILTER, "output": ONE},
    "emphasised": {"upsampler": {"scales": [64]}, "pre_emphasis": 0.85, "level": 0.1, "output": ONE},
    "classes": {"upsampler": {"scales": [64]}, "level": 1.0, "output": {"family": "categorical"}},
}
DENSITIES = [name for name in MODELS_HERE if name != "classes"]


def make(name: str, **more: Any) -> AutoregressiveVocoder:
    """A model with random weights everywhere, also where training begins with zeros."""
    torch.manual_seed(0)
    values = MODELS_HERE[name] | more
    if "tiers" in name:
        common = {"pitch": SMALL, "conditioning": SMALL, "context_channels": 8}
        model = Teacher(TeacherConfig.model_validate(common | values), SPEC)
        layers = [model.wavenet.last, model.wavenet.upper.head[-1]]
    else:
        stack = {"wavenet": STACK | {"head_channels": 9}}
        model = WaveNetVocoder(WaveNetVocoderConfig.model_validate(stack | values), SPEC)
        layers = [model.wavenet.head[-1]]
    for layer in layers:
        torch.nn.init.normal_(layer.weight, std=0.3)
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module", params=MODELS_HERE)
def model(request) -> AutoregressiveVocoder:
    return make(request.param)


def test_streams_that_began_apart_share_a_batch(model):
    mel = 0.5 * torch.randn(20, 36, generator=torch.Generator().manual_seed(2)) - 4.0
    check_streams_meet(model, mel, frames=2)


@pytest.fixture(scope="module", params=DENSITIES)
def flow(request) -> AutoregressiveVocoder:
    return make(request.param)


@pytest.fixture(scope="module")
def mel() -> Tensor:
    return 0.5 * torch.randn(20, 6, generator=torch.Generator().manual_seed(1)) - 4.0


def recording(frames: int, batch: int = 1) -> Tensor:
    """Noise on the grid of 16-bit PCM."""
    noise = 0.05 * torch.randn(batch, frames * 64, generator=torch.Generator().manual_seed(2))
    return PCM16.centre(PCM16.index(noise))


def conditions_of(model: AutoregressiveVocoder, mel: Tensor):
    return model._cover(torch.zeros(len(mel), 0), mel)[1]


@pytest.mark.parametrize("chunks", [[1] * 6, [2, 4], [5, 1]])
def test_a_stream_is_the_whole(model, mel, chunks):
    stream = model.open_stream(seed=3)
    parts = [stream.push(part) for part in mel.split(chunks, dim=1)]
    audio = torch.cat([*parts, stream.finish()])
    torch.testing.assert_close(audio, model.synthesize(mel, seed=3), rtol=0, atol=1e-4)


def test_synthesis_is_one_pass_of_the_network_a_sample(flow, mel):
    """The definition: every sample drawn from the density that one parallel pass gives it."""
    config, mel = flow.output, mel[:, :3]
    conditions, length = conditions_of(flow, mel[None]), 3 * 64
    draw = {"logistic": logistic_noise, "gaussian": normal_noise}[config.family]
    noise, uniform = draw([5], 0, length), uniform_noise([5], 0, length, lane=1)
    residual = torch.zeros(1, length)
    for t in range(length):
        density = config.density(flow.predict(residual, conditions.context)[..., t : t + 1])
        now = (slice(None), slice(t, t + 1))
        drawn = [uniform[now], noise[now]] if isinstance(density, Mixture) else [noise[now]]
        residual[now] = density.from_noise(*drawn)
        if conditions.filters is None:
            residual[now] = residual[now].clamp(-1 / flow.level, 1 / flow.level)
    if conditions.filters is None:
        audio = residual * flow.level
    else:
        audio = flow.whiten.to_data(residual[None], conditions.filters)[0][0]
    torch.testing.assert_close(flow.synthesize(mel, seed=5), audio[0], rtol=0, atol=1e-4)


def cooled(voiced: float, voiced_above: float | None = None) -> Teacher:
    """The first model here with those factors, with a mel that ends at 8 kHz."""
    return make("tiers", voiced=voiced, voiced_above=voiced_above)


def test_voiced_sounds_may_be_cooler(mel):
    plain, cool = cooled(1.0), cooled(0.5)
    assert not torch.equal(plain.synthesize(mel, seed=3), cool.synthesize(mel, seed=3))
    warmth, above = conditions_of(cool, mel[None]).warmth
    assert above is None
    assert warmth.shape == (1, 6 * 64)
    assert ((warmth > 0.5) & (warmth < 1)).all()


def test_a_stream_with_cooler_voiced_sounds_is_the_whole(mel):
    model = cooled(0.25)
    stream = model.open_stream(seed=3)
    audio = torch.cat([*(stream.push(part) for part in mel.split(1, dim=1)), stream.finish()])
    torch.testing.assert_close(audio, model.synthesize(mel, seed=3), rtol=0, atol=1e-4)


@pytest.mark.parametrize("chunks", [[1] * 6, [2, 4], [5, 1]])
def test_a_stream_with_warmth_by_band_is_the_whole(mel, chunks):
    model = cooled(0.5, 0.9)
    stream = model.open_stream(seed=3)
    audio = torch.cat([*(stream.push(part) for part in mel.split(chunks, dim=1)), stream.finish()])
    torch.testing.assert_close(audio, model.synthesize(mel, seed=3), rtol=0, atol=1e-4)


def test_streams_with_warmth_by_band_share_a_batch(mel):
    check_streams_meet(cooled(0.5, 0.9), mel.repeat(1, 6), frames=2, atol=1e-4)


def test_above_the_mel_noise_may_be_warmer():
    """The noise itself: cooled by one factor below 8 kHz, by the other above."""
    model, length = cooled(0.25, 1.0), 32_768
    warmth = Warmth(torch.full((1, length), 0.25), torch.full((1, length), 1.0))
    state = model.start([3], 1.0)
    plain, warm = (model._noise(state, length, given)[0] for given in (None, warmth))
    ratio = power_by_band(warm) / power_by_band(plain)
    torch.testing.assert_close(ratio, torch.tensor([0.0625, 1.0]).double(), rtol=0.05, atol=0.0)


def power_by_band(noise):
    """Up to 7 kHz, and from 9 kHz on."""
    power = torch.fft.rfft(noise.double()).abs().square()
    place = torch.arange(len(power)) / len(power) * SPEC.sample_rate / 2
    return torch.stack([power[place < 7000].mean(), power[place > 9000].mean()])


def test_a_mel_up_to_half_the_rate_has_no_band_above():
    spec = SPEC.model_copy(update={"fmax": SPEC.sample_rate / 2})
    values = {
        "pitch": SMALL,
        "conditioning": SMALL,
        "context_channels": 8,
        "whitening": None,
        "wavenet": TIERS,
    }
    with pytest.raises(ConfigError, match="leave air and voiced_above out"):
        Teacher(TeacherConfig.model_validate(values | {"voiced_above": 1.0}), spec)


@pytest.mark.parametrize("kind", ["tiers", "whitened"])
def test_a_voice_says_nothing_that_is_less_dense_than_the_floor(kind, mel):
    floor, densities = 0.15, []
    for model in (make(kind), make(kind, density_floor=floor)):
        frames = model._extend(mel[None, :, :0], mel[None], last=True)
        conditions = model.conditions(frames, (model.left_context, model.lookahead_frames))
        audio = model.synthesize(mel, seed=3)[None]
        residual, log_gain = model._residual(audio, conditions)
        log_prob = model.density(audio, conditions).log_prob(audio) - log_gain
        parameters = model.predict(residual, conditions.context)
        densest = model.output.density(parameters)
        possible = densest.log_prob(densest.mean) > math.log(floor)
        densities.append(log_prob[possible].exp())
    assert densities[0].min() < 0.5 * floor
    assert densities[1].min() > 0.99 * floor


def test_where_every_sound_is_voiced_the_factor_is_a_temperature(mel):
    model = cooled(0.5)
    read = model.pitch.forward

    def all_voiced(frames):
        return read(frames)._replace(voicing=torch.full_like(read(frames).voicing, 99.0))

    model.pitch.forward = all_voiced
    certain = model.synthesize(mel, seed=3)
    model.config = model.config.model_copy(update={"voiced": 1.0})
    torch.testing.assert_close(certain, model.synthesize(mel, seed=3, temperature=0.5), rtol=0, atol=1e-6)


def test_a_batch_speaks_as_its_members_do(model, mel):
    both = torch.stack([mel, mel.flip(1)])
    batch = model.synthesize(both, seed=[1, 2])
    torch.testing.assert_close(batch[1], model.synthesize(both[1], seed=2), rtol=0, atol=1e-4)


@pytest.mark.parametrize("position", [0, 70, 127])
def test_parameters_depend_on_the_past_alone(flow, mel, position):
    residual = torch.randn(1, 128, generator=torch.Generator().manual_seed(3)).requires_grad_()
    parameters = flow.predict(residual, conditions_of(flow, mel[None, :, :2]).context)
    if position == 0:
        assert not parameters[..., 0].requires_grad or _seen(parameters, 0, residual) == []
    else:
        assert max(_seen(parameters, position, residual)) == position - 1


def _seen(parameters: Tensor, position: int, residual: Tensor) -> list[int]:
    parameters[..., position].sum().backward()
    return residual.grad[0].nonzero().flatten().tolist()


def test_the_values_that_a_sample_may_take_are_certain_together(flow, mel):
    """Given its past, over all bins: as 16-bit samples, on a coarser grid, so that they can be counted."""
    grid, audio = QuantizationGrid(bits=7), recording(2)
    density = flow.density(audio, conditions_of(flow, mel[None, :, :2]))
    total = sum(density.bin_log_prob(torch.full((1, 128), i), grid).exp() for i in range(grid.last + 1))
    torch.testing.assert_close(total, torch.ones(1, 128), rtol=0, atol=1e-4)


def test_the_score_is_the_information_of_each_16_bit_value(flow, mel):
    audio = recording(2)
    density = flow.density(audio, conditions_of(flow, mel[None, :, :2]))
    bits = -density.bin_log_prob(PCM16.index(audio), PCM16) / math.log(2)
    torch.testing.assert_close(flow.score(audio + 4e-6, mel[None, :, :2]), bits)


def test_density_is_the_change_of_variables(mel):
    """z_t = F⁻¹(...) of one component: the log-determinant that autograd finds."""
    for name in ("tiers", "whitened", "emphasised"):
        flow = make(name).double()
        frames = mel[None, :, :1].double()
        conditions = conditions_of(flow, frames)
        audio = recording(1).double()

        def to_noise(x, flow=flow, conditions=conditions):
            residual, _ = flow._residual(x[None], conditions)
            loc, log_scale = flow.predict(residual, conditions.context).unbind(dim=1)
            return ((residual - loc) * torch.exp(-log_scale))[0]

        jacobian = torch.autograd.functional.jacobian(to_noise, audio[0])
        assert jacobian.triu(1).abs().max() < 1e-12
        z = to_noise(audio[0])
        expected = (2 * F.logsigmoid(z) - z).sum() + torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(flow.log_prob(audio, frames)[0], expected, rtol=1e-6, atol=1e-6)


def test_exact_bits_agree_with_the_density(flow, mel):
    """Where the density is flat over a bin: bits = -log2 p(x) + 15."""
    audio = recording(2)
    bits = flow.score(audio, mel[None, :, :2]).sum()
    from_density = -flow.log_prob(audio, mel[None, :, :2])[0] / math.log(2) + 15 * audio.numel()
    torch.testing.assert_close(bits, from_density, rtol=1e-3, atol=0.5)


def test_fewer_samples_than_frames_score_as_the_beginning(model, mel):
    audio = recording(3)
    whole = model.score(audio, mel[None, :, :3])
    part = model.score(audio[:, :100], mel[None, :, :3])
    torch.testing.assert_close(part, whole[:, :100], rtol=1e-4, atol=1e-3)
    with pytest.raises(InputError, match="192 samples are more than 2 frames cover"):
        model.score(audio, mel[None, :, :2])


def test_classes_have_no_density(mel):
    with pytest.raises(NoDensity, match="mu-law classes"):
        make("classes").log_prob(recording(2), mel[None, :, :2])


def test_classes_score_at_most_what_their_values_would(mel):
    """An untrained categorical: about 8 bits a class."""
    bits = make("classes").score(recording(2), mel[None, :, :2])
    assert 6 < bits.mean() < 10


CLIPS = {
    "silent": torch.zeros(1, 192),
    "constant": torch.full((1, 192), 0.3),
    "clipped": torch.sign(torch.randn(1, 192, generator=torch.Generator().manual_seed(4))) * 0.999969,
    "padded": F.pad(0.1 * torch.randn(1, 64, generator=torch.Generator().manual_seed(5)), (0, 128)),
}


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("level", [math.log(1e-5), 0.0])
def test_no_clip_makes_a_nan(model, clip, level):
    trained = copy.deepcopy(model).train().requires_grad_(True)
    frames = torch.full((1, 20, 3), level)
    audio, conditions = trained._cover(CLIPS[clip], frames)
    loss = -trained.log_likelihood(PCM16.centre(PCM16.index(audio)), conditions).mean()
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad.isfinite().all() for p in trained.parameters() if p.grad is not None)


def test_a_saved_model_says_the_same(model, mel, tmp_path):
    save_checkpoint(tmp_path / "voice.safetensors", model)
    loaded = load_checkpoint(tmp_path / "voice.safetensors")
    assert loaded.config == model.config
    assert torch.equal(loaded.synthesize(mel, seed=1), model.synthesize(mel, seed=1))


def test_new_weights_are_heard(mel):
    model = make("transposed")
    before = model.synthesize(mel, seed=1)
    model.wavenet.head[-1].bias.add_(0.1)
    assert not torch.equal(model.synthesize(mel, seed=1), before)


def test_the_score_reaches_as_far_as_it_says(model):
    """Audio and mel changed beyond the reach change nothing."""
    before, after = model.score_reach
    frames = before + after + 2
    mel = 0.5 * torch.randn(1, 20, frames, generator=torch.Generator().manual_seed(6)) - 4
    audio = recording(frames)
    far, other = mel.clone(), audio.clone()
    far[..., 0] += 1.0
    far[..., -1] += 1.0
    other[:, :64] = 0
    inside = slice((before + 1) * 64, (before + 2) * 64)
    here = [model.score(a, m)[:, inside] for a, m in ((audio, mel), (other, far))]
    torch.testing.assert_close(*here, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"upsampler": {"scales": [8, 4]}}, r"multiply to the hop of 64 samples, got \(8, 4\)"),
        ({"upsampler": {"scales": [64], "band_kernel": 2}}, "band_kernel must be odd"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        WaveNetVocoder(WaveNetVocoderConfig.model_validate(values), SPEC)


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (WaveNetVocoderConfig, {"output": {"family": "categorical"}}, "level 1"),
        (WaveNetVocoderConfig, {"whitening": {}, "pre_emphasis": 0.5}, "pre_emphasis must be 0"),
        (TeacherConfig, {"output": {"family": "categorical"}}, "for the model 'wavenet'"),
    ],
)
def test_configs_that_contradict_themselves_are_refused(kind, values, message):
    with pytest.raises(ValueError, match=message):
        kind.model_validate(values)


def build(name: str, dialect: str) -> AutoregressiveVocoder:
    kind = {"paper": "wavenet"}.get(name, "teacher")
    config = read_config(MODELS[kind][1], CONFIGS / f"{name}.yaml")
    return MODELS[kind][0](config, mel_spec(dialect))


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_builds(path):
    paper = path.stem == "paper"
    with torch.device("meta" if paper else "cpu"):
        build(path.stem, "pwg-24k" if paper else "nvidia")


def test_the_paper_config_is_the_published_size_and_takes_a_step():
    """24 kHz, 3 × 10 layers, filter 3, 512 residual and gate, 256 skip channels: 30.8 M parameters."""
    model = build("paper", "pwg-24k")
    assert model.num_parameters() / 1e6 == pytest.approx(30.8, abs=0.1)
    assert model.receptive_field == 6139
    mel, audio = torch.randn(1, 80, 1) - 2, recording(1)[:, :48]
    optimizer = torch.optim.SGD(model.train().parameters(), lr=1e-3)
    losses = []
    for _ in range(2):
        padded, conditions = model._cover(audio, mel)
        loss = -model.log_likelihood(padded, conditions).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[1] < losses[0]
