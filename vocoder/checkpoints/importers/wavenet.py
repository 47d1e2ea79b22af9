"""Checkpoints of https://github.com/r9y9/wavenet_vocoder: mixture, Gaussian and mu-law WaveNets.

Their hyper-parameters are a JSON file beside the weights, of which there are two layouts: that of 2019, and
that of its releases up to v0.1.1 of 2018. A speaker's embedding adds a constant to every gate, so one speaker
of a model of many becomes a voice of its own. What upstream applies to recordings, pre-emphasis and gain, is
a filter here; its high-pass is not undone. Its mels are of the plain recording.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vocoder.checkpoints.importers.wavenet_hparams import Hparams, Hparams2018, Hparams2019, Weights
from vocoder.checkpoints.importers.weights import read_weights
from vocoder.config import parse_config
from vocoder.errors import CheckpointError, ConfigError, InputError
from vocoder.mel import MelSpec, mel_spec
from vocoder.models import WaveNetVocoder, WaveNetVocoderConfig

KINDS = ("weight", "bias")


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
            Those of 2018 are in [0, 1] and need none.
        speaker: whose voice, where the model has several.

    Raises:
        CheckpointError: no weights, those of another model, or a form that is not supported.
        ConfigError: hyper-parameters that cannot be read.
        InputError: statistics or a speaker where there are none to choose.
    """
    weights = read_weights(path)
    old = any(name.startswith("upsample_conv.") for name in weights)
    if old and statistics:
        raise InputError(
            f"{path} is of 2018, when mels were scaled to [0, 1] by no statistics: leave them out"
        )
    own = _read_hparams(hparams, Hparams2018 if old else Hparams2019)
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


def _read_hparams(source: str | Path | Mapping[str, Any], layout: type[Hparams]) -> Hparams:
    if isinstance(source, Mapping):
        return parse_config(layout, dict(source), "hparams")
    try:
        values = json.loads(Path(source).read_text())
    except OSError as error:
        raise ConfigError(f"cannot read the hyper-parameters {source}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(
            f"{source} is not JSON: {error}; give the file of upstream's conf/ or presets/ folder"
        ) from None
    return parse_config(layout, values, str(source))


def _config(own: Hparams) -> WaveNetVocoderConfig:
    values = {
        **own.audio,
        "bound": 1.0,
        "mel_mean": 0.0,
        "mel_std": 1.0,
        "upsampler": own.upsampler,
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
            "family": own.family if own.input_type == "raw" else "categorical",
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
            "sample_rate": own.sample_rate,
            "n_fft": own.fft_size,
            "num_mels": own.num_mels,
            "fmin": own.fmin,
            "fmax": own.fmax,
        }
        | own.analysis
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
        told = weights.pop(name)[:, :, 0] @ table[speaker]
        weights[bias] = weights[bias] + told + weights.pop(name.replace("weight", "bias"), 0.0)


def _renamed(weights: Weights, own: Hparams, source: str) -> Weights:
    """The weights under this project's names; the last layer's residual, which nobody reads, left out."""
    old = dict(weights)
    try:
        new = {f"wavenet.first.{kind}": old.pop(f"first_conv.{kind}") for kind in KINDS}
        told = [old.pop(f"conv_layers.{i}.conv1x1c.weight") for i in range(own.layers)]
        new["wavenet.context.weight"] = torch.cat(told)
        new["wavenet.context.bias"] = torch.cat(
            [old.pop(f"conv_layers.{i}.conv1x1c.bias", torch.zeros(len(told[i]))) for i in range(own.layers)]
        )
        for i, counts in enumerate(own.skip_weights):
            for kind in KINDS:
                new[f"wavenet.gates.{i}.{kind}"] = old.pop(f"conv_layers.{i}.conv.{kind}")
                out, skip = (old.pop(f"conv_layers.{i}.conv1x1_{part}.{kind}") for part in ("out", "skip"))
                parts = [out, skip * counts] if i < own.layers - 1 else [skip * counts]
                new[f"wavenet.mixes.{i}.{kind}"] = torch.cat(parts)
        unused = int(own.input_type == "raw" and own.out_channels == 3)  # the weight of the only component
        for kind in KINDS:
            new[f"wavenet.head.1.{kind}"] = old.pop(f"last_conv_layers.1.{kind}")
            new[f"wavenet.head.3.{kind}"] = old.pop(f"last_conv_layers.3.{kind}")[unused:]
        new |= own.upsampling(old)
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
