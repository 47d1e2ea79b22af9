"""Laws of the student as it was published: one pass towards audio, an exact density, streams."""

import copy
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.models.meeting import check_streams_meet
from vocoder.checkpoints import load_checkpoint, save_checkpoint
from vocoder.config import read_config
from vocoder.errors import ConfigError, InputError
from vocoder.mel import mel_spec
from vocoder.models import MODELS, ParallelWaveNet, ParallelWaveNetConfig, StudentConfig
from vocoder.models.student import BASES

CONFIGS = Path(__file__).parents[2] / "configs" / "model" / "student"
SPEC = mel_spec(
    {"dialect": "nvidia", "n_fft": 256, "win_length": 256, "hop_length": 64, "padding": 128, "num_mels": 20}
)
FLOW = {"layers": 3, "kernel_size": 3, "residual_channels": 6, "skip_channels": 0}
UPSAMPLERS = {
    "transposed": {"form": "transposed", "scales": [8, 8]},
    "linear": {"form": "linear", "scales": [64]},
}


@pytest.fixture(scope="module", params=[(form, base) for form in UPSAMPLERS for base in BASES], ids="-".join)
def student(request) -> ParallelWaveNet:
    """With random weights everywhere, also where training begins with zeros."""
    form, base = request.param
    torch.manual_seed(0)
    config = {"upsampler": UPSAMPLERS[form], "flows": [FLOW, FLOW], "base": base}
    model = ParallelWaveNet(ParallelWaveNetConfig.model_validate(config), SPEC)
    for conditioner in model.conditioners:
        torch.nn.init.normal_(conditioner.network.head[-1].weight, std=0.3)
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def mel() -> Tensor:
    return 0.5 * torch.randn(20, 6, generator=torch.Generator().manual_seed(1)) - 4.0


@pytest.mark.parametrize("chunks", [[1] * 6, [2, 4], [5, 1]])
def test_a_stream_is_the_whole(student, mel, chunks):
    stream = student.open_stream(seed=3)
    audio = torch.cat([*(stream.push(part) for part in mel.split(chunks, dim=1)), stream.finish()])
    assert audio.shape == (6 * 64,)
    torch.testing.assert_close(audio, student.synthesize(mel, seed=3), rtol=0, atol=1e-5)


def test_a_batch_speaks_as_its_members_do(student, mel):
    both = torch.stack([mel, mel.flip(1)])
    batch = student.synthesize(both, seed=[1, 2])
    torch.testing.assert_close(batch[1], student.synthesize(both[1], seed=2), rtol=0, atol=1e-5)


def test_streams_that_began_apart_share_a_batch(student):
    mel = 0.5 * torch.randn(20, 24, generator=torch.Generator().manual_seed(2)) - 4.0
    check_streams_meet(student, mel, frames=2)


def test_the_density_is_that_of_the_noise_and_the_scales(student, mel):
    """log p(x) by the recursive direction, from the audio alone, equals what synthesis knows of it."""
    base, draw = BASES[student.config.base]
    audio = student.synthesize(mel, seed=4, temperature=1.0)
    noise = draw([4], 0, len(audio))
    frames = student._extend(mel[None, :, :0], mel[None], last=True)
    context = student.conditions(frames, (student.left_context, student.right_context))
    rendered, log_scale = student.render(noise, context)
    torch.testing.assert_close(rendered[0], audio, rtol=0, atol=1e-5)
    known = (base.standard_log_prob(noise) - log_scale).sum(dim=1)
    torch.testing.assert_close(student.log_prob(audio[None], mel[None]), known, rtol=1e-4, atol=0)
    bits = student.score(audio[None], mel[None])
    torch.testing.assert_close(15 * audio.numel() - bits.sum(1) * 1, known / math.log(2), rtol=1e-4, atol=0)


def test_the_scales_are_the_slope_of_each_sample(student, mel):
    """ln |dx_t / dz_t|, by autograd: the merged density of the chain (p_S(x_t | z_<t))."""
    frames = student.left_context + 1 + student.right_context
    context = student.conditions(torch.cat([mel, mel], dim=1)[None, :, :frames])
    noise = torch.randn(1, 64, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    model = copy.deepcopy(student).double()
    context = context._replace(knots=context.knots.double())
    jacobian = torch.autograd.functional.jacobian(lambda z: model.render(z, context)[0][0], noise)[:, 0]
    _, log_scale = model.render(noise, context)
    assert jacobian.triu(1).abs().max() == 0
    torch.testing.assert_close(jacobian.diagonal().log(), log_scale[0], rtol=0, atol=1e-5)


def test_a_checkpoint_speaks_alike(student, mel, tmp_path):
    save_checkpoint(tmp_path / "one.safetensors", student)
    again = load_checkpoint(tmp_path / "one.safetensors")
    assert torch.equal(again.synthesize(mel, seed=1), student.synthesize(mel, seed=1))


def test_it_begins_as_scaled_noise(mel):
    model = ParallelWaveNet(
        ParallelWaveNetConfig.model_validate({"upsampler": UPSAMPLERS["linear"], "flows": [FLOW]}), SPEC
    ).eval()
    noise = BASES["logistic"][1]([7], 0, 6 * 64)
    torch.testing.assert_close(model.synthesize(mel, seed=7), 0.05 * noise[0])


def test_more_audio_than_mel_is_refused(student, mel):
    with pytest.raises(InputError, match="more than 6 frames cover"):
        student.log_prob(torch.zeros(1, 6 * 64 + 1), mel[None])


def test_an_upsampler_that_misses_the_hop_is_refused():
    config = ParallelWaveNetConfig.model_validate({"upsampler": {"scales": [8, 4]}})
    with pytest.raises(ConfigError, match="must multiply to the hop of 64 samples"):
        ParallelWaveNet(config, SPEC)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_builds(path):
    kind = "student" if path.stem == "cpu" else "parallel-wavenet"
    model = MODELS[kind][0](
        read_config(MODELS[kind][1], path), mel_spec("pwg-24k" if path.stem == "paper" else "nvidia")
    )
    assert model.num_parameters() > 0


def test_the_paper_config_is_the_published_one():
    """Flows of 10, 10, 10 and 30 layers, each seeing the noise one late: 3 · 2047 + 6139 past samples."""
    config = read_config(ParallelWaveNetConfig, CONFIGS / "paper.yaml")
    model = ParallelWaveNet(config, mel_spec("pwg-24k"))
    assert model.receptive_field == 3 * 2047 + 6139 + 1
    assert model.num_parameters() / 1e6 == pytest.approx(1.2, abs=0.1)
    assert isinstance(read_config(StudentConfig, CONFIGS / "cpu.yaml"), StudentConfig)
