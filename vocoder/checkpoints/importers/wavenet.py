"""Checkpoints of https://github.com/r9y9/wavenet_vocoder: mixture, Gaussian and mu-law WaveNets.

Their hyper-parameters are a JSON file beside the weights. A speaker's embedding adds a constant to every
gate, so one speaker of a model of many becomes a voice of its own. Pre-emphasis and gain, which upstream
applies to recordings, are a filter here; its high-pass is not undone. Its mels are of the plain recording.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from vocoder.checkpoints.importers.weights import read_weights
from vocoder.config import Config, parse_config
from vocoder.errors import CheckpointError, ConfigError, InputError
from vocoder.mel import MelSpec, mel_spec
from vocoder.models import WaveNetVocoder, WaveNetVocoderConfig

Weights = dict[str, Tensor]

KINDS = ("weight", "bias")
PRE_EMPHASIS = 0.85


class UpsampleParams(Config, extra="ignore"):
    """Of upstream's upsampling network."""

    upsample_scales: tuple[int, ...] = (4, 4, 4, 4)
    upsample_activation: Literal["none", "LeakyReLU"] = "none"
    upsample_activation_params: dict[str, float] = Field(default_factory=dict)
    mode: Literal["nearest"] = "nearest"
    freq_axis_kernel_size: int = 1

    @property
    def slope(self) -> float | None:
        activated = self.upsample_activation == "LeakyReLU"
        return self.upsample_activation_params.get("negative_slope", 0.01) if activated else None


class Hparams(Config, extra="ignore"):
    """What of upstream's hyper-parameters decides the model and its mels, with upstream's defaults."""

    input_type: Literal["raw", "mulaw-quantize"] = "raw"
    quantize_channels: int = 65536
    preprocess: Literal["", "none", "preemphasis"] | None = ""
    global_gain_scale: float = 1.0
    sample_rate: int = 22050
    num_mels: int = 80
    fmin: float = 125
    fmax: float = 7600
    fft_size: int = 1024
    hop_size: int = 256
    win_length: int = 1024
    output_distribution: Literal["Logistic", "Normal"] = "Logistic"
    log_scale_min: float = -16.0
    out_channels: int = 30
    layers: int = 24
    stacks: int = 4
    residual_channels: int = 128
    gate_channels: int = 256
    skip_out_channels: int = 128
    kernel_size: int = 3
    cin_channels: int = 80
    cin_pad: int = 2
    upsample_conditional_features: Literal[True] = True
    upsample_net: Literal["ConvInUpsampleNetwork"] = "ConvInUpsampleNetwork"
    upsample_params: UpsampleParams = UpsampleParams()

    @property
    def components(self) -> int:
        return max(1, self.out_channels // 3) if self.input_type == "raw" else 1


def import_wavenet(
    path: str | Path,
    hparams: str | Path | Mapping[str, Any],
    *,
    statistics: tuple[Tensor, Tensor] | None = None,
    speaker: int | None = None,
) -> WaveNetVocoder:
    """The model in a checkpoint, in evaluation mode, with its norms folded.

    Args:
        path: a file that `read_weights` can read.
        hparams: the JSON file that the model was trained with, or what it holds.
        statistics: mean and standard deviation of each mel band over its corpus, with which its mels were
            normalised (upstream's meanvar.joblib); without them mels are expected as normalised already.
        speaker: whose voice, where the model has several.

    Raises:
        CheckpointError: no weights, those of another model, or a form that is not supported.
        ConfigError: hyper-parameters that cannot be read.
    """
    own = _read_hparams(hparams)
    weights = read_weights(path)
    _fold_speaker(weights, speaker, str(path))
    with torch.device("meta"):
        model = WaveNetVocoder(_config(own), _analysis(own, statistics))
    _assign(model, _renamed(weights, own, str(path)), str(path))
    return model.eval().requires_grad_(False)


def read_statistics(path: str | Path) -> tuple[Tensor, Tensor]:
    """Arrays `mean` and `scale` of an .npz file; raises `InputError` when they are not there."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return torch.from_numpy(file["mean"]), torch.from_numpy(file["scale"])
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} holds no arrays mean and scale: {error}; write it with numpy.savez"
        ) from None


def _read_hparams(source: str | Path | Mapping[str, Any]) -> Hparams:
    if isinstance(source, Mapping):
        return parse_config(Hparams, dict(source), "hparams")
    try:
        values = json.loads(Path(source).read_text())
    except OSError as error:
        raise ConfigError(f"cannot read the hyper-parameters {source}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(
            f"{source} is not JSON: {error}; give the file of upstream's conf/ folder"
        ) from None
    return parse_config(Hparams, values, str(source))


def _config(own: Hparams) -> WaveNetVocoderConfig:
    family = {"Logistic": "logistic", "Normal": "gaussian"}[own.output_distribution]
    values = {
        "pre_emphasis": PRE_EMPHASIS if own.preprocess == "preemphasis" else 0.0,
        "level": 1 / own.global_gain_scale if own.global_gain_scale > 0 else 1.0,
        "bound": 1.0,
        "mel_mean": 0.0,
        "mel_std": 1.0,
        "upsampler": {
            "form": "stretched",
            "scales": own.upsample_params.upsample_scales,
            "context": own.cin_pad,
            "band_kernel": own.upsample_params.freq_axis_kernel_size,
            "slope": own.upsample_params.slope,
        },
        "wavenet": {
            "layers": own.layers,
            "dilation_cycle": own.layers // own.stacks,
            "kernel_size": own.kernel_size,
            "residual_channels": own.residual_channels,
            "gate_channels": own.gate_channels,
            "skip_channels": own.skip_out_channels,
            "head_channels": own.skip_out_channels,
        },
        "output": {
            "family": family if own.input_type == "raw" else "categorical",
            "components": own.components,
            "min_log_scale": own.log_scale_min,
        },
    }
    return parse_config(WaveNetVocoderConfig, values, "hparams")


def _analysis(own: Hparams, statistics: tuple[Tensor, Tensor] | None) -> MelSpec:
    """The mels of upstream's recipe."""
    if own.cin_channels != own.num_mels:
        raise ConfigError(
            f"hparams: the model is told {own.cin_channels} channels (cin_channels), but there are "
            f"{own.num_mels} mel bands: only models that read mels can be imported"
        )
    spec = mel_spec(
        {
            "dialect": "r9y9",
            "sample_rate": own.sample_rate,
            "n_fft": own.fft_size,
            "win_length": own.win_length,
            "hop_length": own.hop_size,
            "padding": own.fft_size // 2,
            "num_mels": own.num_mels,
            "fmin": own.fmin,
            "fmax": own.fmax,
        }
    )
    return spec.with_statistics(*(part.tolist() for part in statistics)) if statistics else spec


def _fold_speaker(weights: Weights, speaker: int | None, source: str) -> None:
    """Add what a speaker's embedding contributes to the bias of each gate."""
    table = weights.pop("embed_speakers.weight", None)
    if table is None:
        if speaker is not None:
            raise InputError(f"{source} has one speaker: leave the number out")
        if any(".conv1x1g." in name for name in weights):
            raise CheckpointError(f"{source} is told its speakers by features, not by number: not supported")
        return
    if speaker is None or not 0 <= speaker < len(table):
        raise InputError(
            f"{source} has {len(table)} speakers: choose one, from 0 to {len(table) - 1}, got {speaker}"
        )
    for name in [name for name in weights if name.endswith(".conv1x1g.weight")]:
        bias = name.replace("conv1x1g.weight", "conv.bias")
        weights[bias] = weights[bias] + weights.pop(name)[:, :, 0] @ table[speaker]


def _renamed(weights: Weights, own: Hparams, source: str) -> Weights:
    """The weights under this project's names; the last layer's residual, which nobody reads, left out."""
    old = dict(weights)
    try:
        new = {f"wavenet.first.{kind}": old.pop(f"first_conv.{kind}") for kind in KINDS}
        told = [old.pop(f"conv_layers.{i}.conv1x1c.weight") for i in range(own.layers)]
        new["wavenet.context.weight"] = torch.cat(told)
        new["wavenet.context.bias"] = torch.zeros(len(new["wavenet.context.weight"]))
        for i in range(own.layers):
            for kind in KINDS:
                new[f"wavenet.gates.{i}.{kind}"] = old.pop(f"conv_layers.{i}.conv.{kind}")
                parts = [old.pop(f"conv_layers.{i}.conv1x1_{part}.{kind}") for part in ("out", "skip")]
                new[f"wavenet.mixes.{i}.{kind}"] = torch.cat(parts if i < own.layers - 1 else parts[1:])
        unused = int(own.input_type == "raw" and own.out_channels == 3)  # the weight of the only component
        for kind in KINDS:
            new[f"wavenet.head.1.{kind}"] = old.pop(f"last_conv_layers.1.{kind}")
            new[f"wavenet.head.3.{kind}"] = old.pop(f"last_conv_layers.3.{kind}")[unused:]
        new["upsampler.mix.weight"] = old.pop("upsample_net.conv_in.weight")
        params = own.upsample_params
        spacing = 2 if params.slope is None else 3
        for k in range(len(params.upsample_scales)):
            layer = f"upsample_net.upsample.up_layers.{spacing * k + 1}.weight"
            new[f"upsampler.stages.{k}.1.weight"] = old.pop(layer)
    except KeyError as error:
        raise CheckpointError(
            f"{source} holds no WaveNet of these hyper-parameters: it lacks {error}"
        ) from None
    if old:
        raise CheckpointError(
            f"{source}: {', '.join(sorted(old)[:5])} belong to no WaveNet of these hyper-parameters"
        )
    return new


def _assign(model: WaveNetVocoder, weights: Weights, source: str) -> None:
    for name, parameter in model.named_parameters():
        if weights[name].shape != parameter.shape:
            raise CheckpointError(
                f"{source}: {name} has shape {list(weights[name].shape)}, where the hyper-parameters ask for "
                f"{list(parameter.shape)}"
            )
    model.load_state_dict(weights, assign=True)
