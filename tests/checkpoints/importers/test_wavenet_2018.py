"""Agreement with r9y9's wavenet_vocoder v0.1.1 (6be7c72): its weights, its inputs, its outputs."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from typer.testing import CliRunner

from vocoder.checkpoints import load_checkpoint
from vocoder.checkpoints.importers import import_wavenet
from vocoder.commands.import_ import app
from vocoder.errors import CheckpointError, InputError
from vocoder.mel import dialect_of
from vocoder.models import WaveNetVocoder

GOLDEN = Path(__file__).parents[2] / "golden" / "4_wavenet_vocoder"
MIXTURE, SPEAKERS = "f_2018_mol30", "g_2018_mulaw256_speakers"


def weights_of(name: str) -> Path:
    return GOLDEN / f"{name}.safetensors"


def hparams_of(name: str) -> dict:
    return json.loads((GOLDEN / f"{name}.hparams.json").read_text())


def golden(name: str) -> dict[str, Tensor]:
    return {key: torch.from_numpy(value) for key, value in np.load(GOLDEN / f"{name}.io.npz").items()}


def imported(name: str) -> WaveNetVocoder:
    return import_wavenet(weights_of(name), hparams_of(name), speaker=3 if name == SPEAKERS else None)


@pytest.mark.parametrize("name", [MIXTURE, SPEAKERS])
def test_output_is_upstreams(name):
    """With its skip sum that shrinks (`legacy`) and with one that does not, weight-normed and plain."""
    model, data = imported(name), golden(name)
    x = data["x"]
    shown = x if x.dim() == 3 else torch.nn.functional.one_hot(x, 256).movedim(2, 1).float()
    output = model.wavenet(shown, model.upsampler(data["mel"]))
    torch.testing.assert_close(output, data["y_hat"], rtol=0, atol=4e-6)


def test_samples_are_upstreams():
    """The same noise; the component that upstream chose by Gumbel noise is chosen by a uniform draw."""
    model, data = imported(MIXTURE), golden(MIXTURE)
    logits = data["ar_params"][:, :10]
    gumbel = -torch.log(-torch.log(data["ar_noise0"][:, :, 0].permute(1, 2, 0)))
    weights = torch.softmax(logits.double(), dim=1)
    chosen = (logits + gumbel).argmax(dim=1, keepdim=True)
    uniform = (weights.cumsum(dim=1) - weights / 2).gather(1, chosen)[:, 0]
    noise = torch.logit(data["ar_noise1"][..., 0]).T
    context = model.upsampler(data["mel"][:1])
    samples, _ = model.sampler.sample(noise, uniform, context, model.sampler.start(1))
    torch.testing.assert_close(samples, data["ar_samples"][:, 0], rtol=0, atol=1e-5)


def test_no_frame_is_waited_for():
    model = imported(MIXTURE)
    mel = golden(MIXTURE)["mel"][0]
    assert model.lookahead_frames == 0
    stream = model.open_stream(seed=2)
    pieces = [stream.push(mel[:, i : i + 1]) for i in range(mel.shape[1])]
    assert [len(piece) for piece in pieces] == [12] * mel.shape[1]
    whole = model.synthesize(mel, seed=2)
    torch.testing.assert_close(torch.cat([*pieces, stream.finish()]), whole, rtol=0, atol=1e-6)


def test_the_preset_for_lj_speech_asks_for_the_dialect(tmp_path):
    """What upstream's presets/ljspeech_mixture.json says of its mels, on a model that takes 80 bands."""
    sizes = hparams_of(MIXTURE) | {"cin_channels": 80, "num_mels": 80, "upsample_scales": [4, 4, 4, 4]}
    weights = load_file(weights_of(MIXTURE))
    for name, value in weights.items():
        if "conv1x1c.weight_v" in name:
            weights[name] = torch.randn(len(value), 80, 1)
    for k in range(4):
        for part in ("bias", "weight_g", "weight_v"):
            weights[f"upsample_conv.{2 * k}.{part}"] = weights[f"upsample_conv.0.{part}"].clone()
    save_file(weights, tmp_path / "model.safetensors")
    for hop in ({"hop_size": 256}, {"hop_size": None, "frame_shift_ms": 11.61}):
        model = import_wavenet(tmp_path / "model.safetensors", sizes | hop | {"fft_size": 1024})
        assert dialect_of(model.mel_spec) == "r9y9-2018"


def test_a_training_checkpoint_becomes_a_voice(tmp_path):
    hparams, checkpoint = tmp_path / "preset.json", tmp_path / "checkpoint_step000320000_ema.pth"
    hparams.write_text(json.dumps(hparams_of(MIXTURE)))
    torch.save({"state_dict": load_file(weights_of(MIXTURE)), "global_step": 320000}, checkpoint)
    voice = tmp_path / "voice.safetensors"
    arguments = ["wavenet", str(checkpoint), "--config", str(hparams), "-o", str(voice)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "normalise" not in result.output
    mel = golden(MIXTURE)["mel"][0]
    spoken = load_checkpoint(voice).synthesize(mel, seed=5)
    assert torch.equal(spoken, imported(MIXTURE).synthesize(mel, seed=5))


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="5 speakers: choose one, from 0 to 4, got None"):
        import_wavenet(weights_of(SPEAKERS), hparams_of(SPEAKERS))
    statistics = torch.zeros(20), torch.ones(20)
    with pytest.raises(InputError, match="of 2018, when mels were scaled"):
        import_wavenet(weights_of(MIXTURE), hparams_of(MIXTURE), statistics=statistics)
    with pytest.raises(CheckpointError, match=r"lacks 'upsample_conv\.4"):
        import_wavenet(weights_of(MIXTURE), hparams_of(MIXTURE) | {"upsample_scales": [2, 2, 3]})
