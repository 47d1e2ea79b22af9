"""Agreement with r9y9's wavenet_vocoder: its weights, its inputs, its outputs (golden/4_wavenet_vocoder)."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from typer.testing import CliRunner

from vocoder.checkpoints import load_checkpoint
from vocoder.checkpoints.importers import import_wavenet
from vocoder.checkpoints.importers.wavenet import read_statistics
from vocoder.commands.import_ import app
from vocoder.distributions import mu_law_dequantize
from vocoder.errors import CheckpointError, ConfigError, InputError
from vocoder.models import WaveNetVocoder

GOLDEN = Path(__file__).parents[2] / "golden" / "4_wavenet_vocoder"
FORMS = {"a_mol30": "wn", "b_mulaw256": "nown", "c_gauss2": "wn", "e_gauss2_speakers": "wn"}
EVERY_FORM = pytest.mark.parametrize("name", FORMS)


def weights_of(name: str) -> Path:
    return GOLDEN / f"{name}.{FORMS[name]}.safetensors"


def hparams_of(name: str) -> dict:
    """As in upstream's conf/ folder; the golden files have the arguments that it made its model from."""
    own = json.loads((GOLDEN / f"{name}.config.json").read_text())["WaveNet_kwargs"]
    scales = own["upsample_params"]["upsample_scales"]
    input_type = "raw" if own["scalar_input"] else "mulaw-quantize"
    return own | {"num_mels": own["cin_channels"], "hop_size": int(np.prod(scales)), "input_type": input_type}


def golden(name: str) -> dict[str, Tensor]:
    return {key: torch.from_numpy(value) for key, value in np.load(GOLDEN / f"{name}.io.npz").items()}


def imported(name: str) -> WaveNetVocoder:
    speaker = int(golden(name)["speaker_ids"]) if "speakers" in name else None
    return import_wavenet(weights_of(name), hparams_of(name), speaker=speaker)


def context_of(model: WaveNetVocoder, mel: Tensor) -> Tensor:
    """Of golden mels, which come with upstream's context of `cin_pad` frames."""
    margin, context = model.upsampler.margin, model.config.upsampler.context
    frames = torch.nn.functional.pad(mel, (margin, margin))
    return model.upsampler(frames, (margin + context, margin + context))


@EVERY_FORM
def test_output_is_upstreams(name):
    model, data = imported(name), golden(name)
    x = data["x"]
    shown = x if x.dim() == 3 else torch.nn.functional.one_hot(x, 256).movedim(2, 1).float()
    output = model.wavenet(shown, context_of(model, data["mel"]))
    torch.testing.assert_close(output[: len(data["y_hat"])], data["y_hat"], rtol=0, atol=4e-6)


@pytest.mark.parametrize("name", ["a_mol30", "c_gauss2", "e_gauss2_speakers"])
def test_samples_are_upstreams(name):
    """The same noise; the component that upstream chose by Gumbel noise is chosen by a uniform draw."""
    model, data = imported(name), golden(name)
    if name == "a_mol30":
        logits = data["ar_params"][:, :10]
        gumbel = -torch.log(-torch.log(data["ar_noise0"].permute(1, 2, 0)))
        weights = torch.softmax(logits.double(), dim=1)
        chosen = (logits + gumbel).argmax(dim=1, keepdim=True)
        uniform = (weights.cumsum(dim=1) - weights / 2).gather(1, chosen)[:, 0]
        noise = torch.logit(data["ar_noise1"].clamp(1e-5, 1 - 1e-5)).T
    else:
        noise = data["ar_noise"].T
        uniform = torch.full_like(noise, 0.5, dtype=torch.float64)
    context = context_of(model, data["mel"])
    samples, _ = model.sampler.sample(noise, uniform, context, model.sampler.start(len(noise)))
    torch.testing.assert_close(samples, data["ar_samples"][:, 0], rtol=0, atol=1e-5)


def test_classes_are_upstreams():
    model, data = imported("b_mulaw256"), golden("b_mulaw256")
    uniform = data["ar_noise"].T.double()
    context = context_of(model, data["mel"])
    samples, _ = model.sampler.sample(
        torch.zeros_like(uniform).float(), uniform, context, model.sampler.start(len(uniform))
    )
    assert torch.equal(samples, mu_law_dequantize(data["ar_samples"]))


def test_likelihood_of_classes_is_upstreams():
    """Upstream shows its context one sample late in training: shifted here to compare."""
    model, data = imported("b_mulaw256"), golden("b_mulaw256")
    shown = model.encode(mu_law_dequantize(data["x"]))
    parameters = model.wavenet(shown, context_of(model, data["mel"]))[..., :-1]
    ours = -model.output.density(parameters).class_log_prob(data["x"][:, 1:])
    torch.testing.assert_close(ours, data["nll_ce"], rtol=1e-5, atol=1e-5)


def test_pre_emphasis_and_gain_are_undone():
    """Upstream: y = gain · (x_t - 0.85 x_{t-1}); samples of the residual y are those of x, filtered back."""
    hparams = hparams_of("c_gauss2")
    plain = import_wavenet(weights_of("c_gauss2"), hparams)
    recipe = {"preprocess": "preemphasis", "global_gain_scale": 0.55}
    model = import_wavenet(weights_of("c_gauss2"), hparams | recipe)
    mel = golden("c_gauss2")["mel"][0]
    y, x = plain.synthesize(mel), model.synthesize(mel)
    emphasised = 0.55 * (x - 0.85 * torch.nn.functional.pad(x, (1, -1)))
    torch.testing.assert_close(emphasised, y, rtol=0, atol=1e-5)


def test_a_training_checkpoint_and_hyperparameters_become_a_voice(tmp_path):
    hparams = tmp_path / "hparams.json"
    hparams.write_text(json.dumps(hparams_of("a_mol30") | {"batch_size": 8}))
    checkpoint = tmp_path / "checkpoint_step000000321.pth"
    state = {"state_dict": load_file(weights_of("a_mol30")), "optimizer": {"state": {}}, "global_step": 321}
    torch.save(state, checkpoint)
    np.savez(tmp_path / "meanvar.npz", mean=np.full(20, -2.0), scale=np.full(20, 0.5))
    voice = tmp_path / "voice.safetensors"
    files = ["--config", str(hparams), "--statistics", str(tmp_path / "meanvar.npz"), "-o", str(voice)]
    result = CliRunner().invoke(app, ["wavenet", str(checkpoint), *files], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    model = load_checkpoint(voice)
    assert model.mel_spec.log_base == "10"
    assert model.mel_spec.mean == (-2.0,) * 20
    mel = golden("a_mol30")["mel"][0]
    direct = import_wavenet(checkpoint, hparams)
    assert torch.equal(model.synthesize(mel, seed=5), direct.synthesize(mel, seed=5))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"input_type": "mulaw"}, ConfigError, "input_type.*'raw' or 'mulaw-quantize'"),
        ({"upsample_net": "UpsampleNetwork"}, ConfigError, "upsample_net"),
        ({"residual_channels": 8}, CheckpointError, r"has shape \[16, 1, 1\].*ask for \[8, 1, 1\]"),
        ({"layers": 8}, CheckpointError, "lacks 'conv_layers.6"),
        ({"layers": 4}, CheckpointError, "belong to no WaveNet of these"),
        ({"num_mels": 80}, ConfigError, "20 channels.*80 mel bands"),
        ({"stacks": 0}, ConfigError, "stacks: Input should be greater than or equal to 1"),
        ({"stacks": 4}, ConfigError, "layers 6 must be a multiple of stacks 4"),
        ({"kernel_size": 0}, ConfigError, "kernel_size: Input should be greater than or equal to 1"),
        ({"upsample_params": {"upsample_scales": [0, 4]}}, ConfigError, r"upsample_scales\.0: Input"),
    ],
)
def test_what_does_not_fit_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        import_wavenet(weights_of("a_mol30"), hparams_of("a_mol30") | change)


def test_a_speaker_is_asked_for():
    name = "e_gauss2_speakers"
    with pytest.raises(InputError, match="5 speakers: choose one, from 0 to 4, got None"):
        import_wavenet(weights_of(name), hparams_of(name))
    with pytest.raises(InputError, match="has one speaker"):
        import_wavenet(weights_of("c_gauss2"), hparams_of("c_gauss2"), speaker=1)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read the hyper-parameters .*hparams.json"):
        import_wavenet(weights_of("a_mol30"), tmp_path / "hparams.json")
    (tmp_path / "empty.npz").write_bytes(b"")
    with pytest.raises(InputError, match=r"empty\.npz holds no arrays mean and scale"):
        read_statistics(tmp_path / "empty.npz")
