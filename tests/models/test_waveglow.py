"""Laws of the Vocoder contract and of flows, on WaveGlow; the published sizes; numbers that stay finite."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.models.meeting import check_streams_meet
from vocoder.config import read_config
from vocoder.errors import ConfigError, InputError
from vocoder.mel import DIALECTS
from vocoder.models import WaveGlow, WaveGlowConfig
from vocoder.noise import normal_noise

CONFIGS = Path(__file__).parents[2] / "configs" / "model" / "waveglow"
NVIDIA = DIALECTS["nvidia"]
SMALL = {"layers": 3, "channels": 8, "skip_channels": 6}
SIZES = {
    "early outputs": {"flows": 5, "early_every": 2, "wavenet": SMALL},
    "groups across hops": {"group_size": 12, "flows": 3, "early_every": 1, "wavenet": SMALL},
    "by group, in turns": {
        "group_size": 16,
        "flows": 3,
        "alternate": True,
        "context_channels": 12,
        "wavenet": SMALL,
    },
    "whitened": {
        "group_size": 16,
        "flows": 3,
        "context_channels": 8,
        "conditioning": {"hidden": 6, "layers": 2, "lookahead": 1},
        "whitening": {
            "hidden": 8,
            "layers": 3,
            "lookahead": 1,
            "num_bands": 16,
            "num_taps": 64,
            "num_cepstrum": 32,
        },
        "wavenet": SMALL,
    },
    "voiced": {
        "group_size": 16,
        "flows": 3,
        "context_channels": 8,
        "conditioning": {"hidden": 6, "layers": 2, "lookahead": 1},
        "source": {
            "pitch": {"hidden": 8, "layers": 3, "lookahead": 2},
            "filters": {"hidden": 8, "layers": 3, "lookahead": 1},
            "num_bands": 16,
            "num_taps": 64,
            "noise_cepstrum": 32,
        },
        "wavenet": SMALL,
    },
    "attention": {
        "group_size": 16,
        "flows": 2,
        "wavenet": {**SMALL, "attention_heads": 2, "attention_reach": 5},
    },
    "mixtures": {"flows": 2, "coupling": "mixture", "components": 2, "wavenet": SMALL},
    "bounded": {"flows": 2, "log_scale_bound": 1.0, "upsampling_width": 1, "wavenet": SMALL},
}

SIZES["cooler"] = SIZES["voiced"] | {"voiced": 0.5}


def make(sizes: dict, **options) -> WaveGlow:
    """A WaveGlow whose couplings do something, as after training."""
    torch.manual_seed(0)
    model = WaveGlow(WaveGlowConfig.model_validate(sizes), NVIDIA, **options)
    for step in model.steps:
        torch.nn.init.normal_(step.network.head[-1].weight, std=0.3)
        if step.network.attention is not None:
            torch.nn.init.normal_(step.network.attention.gate.weight, std=0.3)
    if model.source is not None:
        torch.nn.init.normal_(model.guide.weight, std=0.1)
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module", params=SIZES)
def model(request: pytest.FixtureRequest) -> WaveGlow:
    return make(SIZES[request.param])


def streamed(model: WaveGlow, mel: Tensor, sizes: list[int], seed: int) -> Tensor:
    stream, pieces, position = model.open_stream(seed=seed), [], 0
    for size in sizes:
        pieces.append(stream.push(mel[:, position : position + size]))
        position += size
    return torch.cat([*pieces, stream.finish()])


def test_streams_that_began_apart_share_a_batch(model: WaveGlow) -> None:
    mel = 0.5 * torch.randn(80, 90, generator=torch.Generator().manual_seed(2)) - 4.0
    check_streams_meet(model, mel, frames=6)


def published(name: str) -> WaveGlow:
    with torch.device("meta"):
        return WaveGlow(read_config(WaveGlowConfig, CONFIGS / f"{name}.yaml"), NVIDIA)


@pytest.mark.parametrize(("name", "millions"), [("paper", 268.0), ("universal", 87.7)])
def test_published_sizes(name: str, millions: float) -> None:
    assert round(published(name).num_parameters() / 1e6, 1) == millions


def test_published_voices_see_96_frames_ahead() -> None:
    model = published("paper")
    assert model.context_samples == 12 * 255 * 8
    assert model.lookahead_frames == 96


@pytest.mark.parametrize("name", ["cpu", "tiny", "voiced"])
def test_small_configs_speak(name: str, mel: Tensor) -> None:
    model = WaveGlow(read_config(WaveGlowConfig, CONFIGS / f"{name}.yaml"), NVIDIA)
    assert 4 * model.num_parameters() < 12 * 2**20, "a shipped voice has at most 12 MiB"
    audio = model.synthesize(mel[:, :5])
    assert audio.shape == (5 * 256,)
    assert audio.isfinite().all()


@pytest.mark.parametrize("sizes", [[40], [1] * 40, [0, 3, 0, 20, 17], [39, 1]], ids=len)
def test_a_stream_equals_the_whole(model: WaveGlow, mel: Tensor, sizes: list[int]) -> None:
    whole = model.synthesize(mel, seed=5)
    assert whole.shape == (40 * 256,)
    assert torch.allclose(streamed(model, mel, sizes, 5), whole, atol=1e-4)


def test_blocks_change_nothing(model: WaveGlow, mel: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    from vocoder.models import waveglow
    from vocoder.networks import packed_wavenet

    whole = model.synthesize(mel)
    monkeypatch.setattr(waveglow, "BLOCK_GROUPS", 50)
    monkeypatch.setattr(packed_wavenet, "ROWS", 17)
    assert torch.allclose(model.synthesize(mel), whole, atol=1e-5)


def test_audio_comes_as_soon_as_the_lookahead_allows(model: WaveGlow, mel: Tensor) -> None:
    stream = model.open_stream()
    made = torch.tensor([len(stream.push(mel[:, i : i + 1])) for i in range(mel.shape[1])]).cumsum(0)
    known = torch.arange(1, mel.shape[1] + 1)
    assert (made >= (known - model.lookahead_frames) * 256).all()
    assert (made < (known - model.lookahead_frames + 1) * 256).any()


def test_later_frames_change_nothing_before_the_lookahead(model: WaveGlow, mel: Tensor) -> None:
    changed = mel.clone()
    changed[:, 30:] += 1.0
    certain = (30 - model.lookahead_frames) * 256
    before, after = model.synthesize(mel), model.synthesize(changed)
    assert torch.allclose(before[:certain], after[:certain], atol=1e-5)
    assert not torch.allclose(before[certain:], after[certain:], atol=1e-2)


def test_noise_reaches_as_far_as_is_stated(model: WaveGlow, mel: Tensor) -> None:
    size = model.config.group_size
    noise = normal_noise([0], 0, 40 * 256 // size * size)
    changed = noise.clone()
    middle = 20 * 256 // size * size
    changed[:, middle] += 1.0
    reached = (model.to_audio(noise, mel[None]) - model.to_audio(changed, mel[None])).abs()[0] > 1e-7
    first, last = reached.nonzero().flatten()[[0, -1]].tolist()
    assert middle - model.context_samples <= first
    assert last < middle + size + model.context_samples


def test_a_batch_equals_its_single_requests(model: WaveGlow, mel: Tensor) -> None:
    batch = torch.stack([mel, mel.flip(1), mel + 0.3])
    together = model.synthesize(batch, seed=[1, 2, 3])
    for row, item, seed in zip(together, batch, [1, 2, 3], strict=True):
        assert torch.allclose(row, model.synthesize(item, seed=seed), atol=1e-5)


def test_encoding_and_decoding_are_inverse(model: WaveGlow, mel: Tensor) -> None:
    audio = model.synthesize(mel, seed=3, temperature=0.8)[None]
    noise, _ = model.to_noise(audio, mel[None])
    drawn, voiced = 0.8 * normal_noise([3], 0, noise.shape[1]), model.config.voiced
    if voiced == 1:
        assert torch.allclose(noise, drawn, atol=1e-4)
    else:  # cooled by as much as the sound is voiced
        cooled = noise[drawn.abs() > 0.1] / drawn[drawn.abs() > 0.1]
        assert ((cooled > voiced) & (cooled < 1)).all()
    assert torch.allclose(model.to_audio(noise, mel[None]), audio[:, : noise.shape[1]], atol=1e-4)


def test_packed_sampling_is_the_chain_backwards(model: WaveGlow, mel: Tensor) -> None:
    groups = model.upsampler.num_groups(40)
    noise = normal_noise([0], 0, groups * model.config.group_size)
    told = model.read(model.around(noise, mel[None]), noise.shape[1])
    residual, _ = model.flow.to_data(noise[:, None], told.context)
    if model.stage is not None:
        residual, _ = model.stage.flow.to_data(residual, told.filters)
    assert torch.allclose(model.to_audio(noise, mel[None]), residual[:, 0], atol=1e-4)


@pytest.mark.parametrize("name", ["early outputs", "whitened"])
def test_decoding_takes_gradients_to_every_weight(name: str, mel: Tensor) -> None:
    model = make(SIZES[name]).requires_grad_()
    for weight in model.parameters():
        if not weight.any():  # a last layer that begins at zero lets no gradient by
            torch.nn.init.normal_(weight, std=0.02)
    noise = normal_noise([0], 0, 40 * 256)
    audio = model.decode(noise, model.read(model.around(noise, mel[None]), noise.shape[1]))
    assert torch.allclose(audio, model.to_audio(noise, mel[None]), atol=1e-4)
    audio.square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("name", ["early outputs", "whitened", "voiced"])
def test_density_is_that_of_the_change_of_variables(name: str, mel: Tensor) -> None:
    model = make(SIZES[name] | {"sigma": 0.7}).double()
    audio, few = 0.1 * torch.randn(1, 35, dtype=torch.float64), mel[None, :, :1].double()
    whole = audio[:, :32]  # 35 samples do not fill a group more
    jacobian = torch.autograd.functional.jacobian(lambda x: model.to_noise(x, few)[0][0], whole)[:, 0]
    noise = model.to_noise(whole, few)[0]
    base = torch.distributions.Normal(0.0, 0.7).log_prob(noise).sum()
    expected = base + torch.linalg.slogdet(jacobian).logabsdet
    assert torch.allclose(model.log_prob(audio, few), expected[None], atol=1e-8)


def test_where_every_sound_is_voiced_the_factor_is_a_temperature(mel: Tensor) -> None:
    model = make(SIZES["cooler"])
    assert model.source is not None
    uncertain = model.synthesize(mel, seed=3)
    model.source.pitch.network.last.bias.data[-1] = 100.0  # the logit of voice
    voiced = model.synthesize(mel, seed=3)
    assert not torch.equal(voiced, uncertain)
    model.config = model.config.model_copy(update={"voiced": 1.0})
    half = model.synthesize(mel, seed=3, temperature=0.5 * model.temperature)
    torch.testing.assert_close(voiced, half, rtol=0, atol=1e-6)


def test_a_factor_for_voiced_sounds_needs_a_source() -> None:
    with pytest.raises(ValueError, match="without a source it is not known"):
        WaveGlowConfig.model_validate(SIZES["whitened"] | {"voiced": 0.5})


@pytest.mark.parametrize("name", ["early outputs", "whitened", "voiced"])
def test_what_the_chain_says_is_bounded(name: str, mel: Tensor) -> None:
    def residual(model: WaveGlow) -> Tensor:
        audio = model.synthesize(mel, seed=3)[None]
        return model.whiten(audio, model.read(model.around(audio, mel[None]), audio.shape[1]))[0]

    free = residual(make(SIZES[name]))
    bound = 0.5 * free.abs().max().item()
    model = make(SIZES[name] | {"bound": bound})
    torch.testing.assert_close(residual(model), free.clamp(-bound, bound), rtol=0, atol=1e-3 * bound)
    pieces = streamed(model, mel, [5, 20, 15], seed=3)
    torch.testing.assert_close(pieces, model.synthesize(mel, seed=3), rtol=0, atol=1e-4)


def test_bits_of_samples_add_up_to_the_density(model: WaveGlow, mel: Tensor) -> None:
    length = 40 * 256 // model.config.group_size * model.config.group_size
    audio = model.synthesize(mel)[None, :length]
    bits = model.score(audio, mel[None])
    drift = model.drift_of(audio, model.around(audio, mel[None]))
    expected = 15 * length - model.log_prob(audio, mel[None], drift) / math.log(2)
    assert bits.shape == audio.shape
    assert torch.allclose(bits.sum(dim=1), expected, rtol=1e-5)


def test_bits_depend_on_what_is_stated(model: WaveGlow, mel: Tensor) -> None:
    if model.score_reach is None:
        pytest.skip("groups do not begin with frames: all there is")
    before, after = model.score_reach
    audio = model.synthesize(mel)[None]
    whole, first, last = model.score(audio, mel[None]), 20, 25
    frames, samples = slice(first - before, last + after), slice((first - before) * 256, (last + after) * 256)
    window = model.score(audio[:, samples], mel[None, :, frames])
    own = window[:, before * 256 : (before + last - first) * 256]
    assert torch.allclose(own, whole[:, first * 256 : last * 256], atol=1e-3)


def test_weight_norm_is_folded_without_a_change(mel: Tensor) -> None:
    model = make(SIZES["early outputs"], weight_norm=True)
    before, names = model.synthesize(mel), set(model.state_dict())
    model.remove_weight_norm()
    assert torch.allclose(model.synthesize(mel), before, atol=1e-5)
    assert set(model.state_dict()) == set(make(SIZES["early outputs"]).state_dict()) != names


def test_changed_weights_are_used(mel: Tensor) -> None:
    model = make(SIZES["early outputs"])
    before = model.synthesize(mel)
    with torch.no_grad():
        model.steps[0].network.first.weight.mul_(1.5)
    assert not torch.allclose(model.synthesize(mel), before, atol=1e-4)


def hostile_clips() -> dict[str, Tensor]:
    noise = 0.3 * torch.randn(4096, generator=torch.Generator().manual_seed(0))
    half = noise.clone()
    half[1000:] = 0.0
    return {
        "silent": torch.zeros(4096),
        "clipped": (100 * noise).clamp(-1, 1),
        "zero-padded": half,
        "constant": torch.full((4096,), 0.5),
        "one sample": torch.eye(4096)[2000],
    }


@pytest.mark.parametrize("clip", hostile_clips())
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_training_stays_finite_on_hostile_clips(clip: str, dtype: torch.dtype) -> None:
    from vocoder.mel import MelFrontend

    torch.manual_seed(0)
    config = read_config(WaveGlowConfig, CONFIGS / "tiny.yaml")
    model = WaveGlow(config, NVIDIA, weight_norm=True)
    audio = hostile_clips()[clip][None]
    mel = MelFrontend(NVIDIA)(audio)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    losses = []
    for _ in range(10):
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = -model.log_prob(audio, mel).mean() / audio.shape[1]
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert all(map(math.isfinite, losses))
    assert min(losses) < losses[0]


def test_bad_input_is_named(mel: Tensor) -> None:
    model = make(SIZES["early outputs"])
    with pytest.raises(InputError, match="10241 samples are more than the 10240 that 40 frames cover"):
        model.to_noise(torch.zeros(1, 10241), mel[None])
    with pytest.raises(InputError, match="7 samples do not fill a group of 8"):
        model.log_prob(torch.zeros(1, 7), mel[None])
    with pytest.raises(InputError, match="transpose it"):
        model.synthesize(mel.T)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"group_size": 4, "early_size": 2, "early_every": 1}, "at least 2 must be left"),
        ({"wavenet": {"kernel_size": 4}}, "kernel_size must be odd, got 4"),
        ({"group_size": 12, "context_channels": 8}, "do not divide the hop"),
        ({"group_size": 12, "source": {}}, "where groups divide the hop of 256, got 12"),
        ({"source": {}, "whitening": {}}, "two stages for one place"),
    ],
)
def test_sizes_that_cannot_be_are_named(sizes: dict, message: str) -> None:
    from vocoder.config import parse_config

    with pytest.raises(ConfigError, match=message):
        WaveGlow(parse_config(WaveGlowConfig, sizes, "test"), NVIDIA)
