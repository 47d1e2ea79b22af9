"""NVIDIA's WaveGlow checkpoints, of https://github.com/NVIDIA/waveglow and of DeepLearningExamples.

Their parts have counterparts here, name by name; sizes are read off the weights. Older files keep a
conditioning layer for each layer of a WN, the oldest also residual and skip layers apart; these are fused.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from vocoder.checkpoints.importers.weights import read_weights
from vocoder.config import parse_config
from vocoder.errors import CheckpointError
from vocoder.mel import MelSpec
from vocoder.models import WaveGlow, WaveGlowConfig

Weights = dict[str, Tensor]


def import_waveglow(
    path: str | Path,
    mel_spec: MelSpec,
    *,
    sigma: float = 1.0,
    temperature: float = 0.6,
    alternate: bool = False,
) -> WaveGlow:
    """The model in a checkpoint, in evaluation mode, with its norms folded.

    Args:
        path: a file that `read_weights` can read.
        mel_spec: the analysis that it was trained on; NVIDIA's is the dialect "nvidia".
        sigma: of the noise in its training.
        temperature: sigma of the noise in synthesis.
        alternate: its couplings keep the halves in turn, as in glow_old.py; the weights do not tell.

    Raises:
        CheckpointError: no weights, those of another model, or a `mel_spec` that they do not fit.
    """
    own = {"sigma": sigma, "temperature": temperature, "alternate": alternate}
    return convert_waveglow(read_weights(path), mel_spec, own, source=str(path))


def convert_waveglow(
    weights: Weights, mel_spec: MelSpec, own: Mapping[str, object] | None = None, *, source: str
) -> WaveGlow:
    """The model with these weights, norms folded, under their old names; `own` are fields of its config."""
    weights = _fuse(weights)
    try:
        sizes = _read_sizes(weights, mel_spec)
    except KeyError as error:
        raise CheckpointError(f"{source} holds no WaveGlow: it lacks {error.args[0]}") from None
    config = parse_config(WaveGlowConfig, {**sizes, **(own or {})}, source)
    with torch.device("meta"):
        model = WaveGlow(config, mel_spec)
    for prefix, module in _counterparts(model):
        _assign(module, prefix, weights, source)
    if weights:
        raise CheckpointError(f"{source}: {', '.join(sorted(weights)[:5])} belong to no part of a WaveGlow")
    return model.eval().requires_grad_(False)


def _fuse(weights: Weights) -> Weights:
    """The newest layout: one conditioning layer a WN, residual above skip channels in one layer."""
    fused = dict(weights)
    for wn in sorted(
        {name.partition(".")[2].partition(".")[0] for name in weights if name.startswith("WN.")}
    ):
        for kind in ("weight", "bias"):
            layers = _count(weights, rf"WN\.{wn}\.cond_layers\.(\d+)\.{kind}")
            if layers:
                parts = [fused.pop(f"WN.{wn}.cond_layers.{i}.{kind}") for i in range(layers)]
                fused[f"WN.{wn}.cond_layer.{kind}"] = torch.cat(parts)
            for i in range(_count(weights, rf"WN\.{wn}\.skip_layers\.(\d+)\.{kind}")):
                names = [f"WN.{wn}.{part}_layers.{i}.{kind}" for part in ("res", "skip")]
                parts = [fused.pop(name) for name in names if name in fused]  # the last has no residual
                fused[f"WN.{wn}.res_skip_layers.{i}.{kind}"] = torch.cat(parts)
    return fused


def _read_sizes(weights: Weights, mel_spec: MelSpec) -> dict[str, object]:
    """The sizes of a config; raises `KeyError` with the name of a weight that is missing."""
    flows = _count(weights, r"convinv\.(\d+)\.conv\.weight")
    channels = [len(weights[f"convinv.{k}.conv.weight"]) for k in range(max(1, flows))]
    every = next((k for k, n in enumerate(channels) if n < channels[0]), flows)
    num_mels, _, kernel = weights["upsample.weight"].shape
    if num_mels != mel_spec.num_mels or kernel % mel_spec.hop_length:
        raise CheckpointError(
            f"the mel spec has {mel_spec.num_mels} bands every {mel_spec.hop_length} samples, but the "
            f"checkpoint reads {num_mels} bands and spreads a frame over {kernel} samples: "
            f"name the analysis it was trained on"
        )
    layers = _count(weights, r"WN\.0\.in_layers\.(\d+)\.weight")
    _, width, kernel_size = weights["WN.0.in_layers.0.weight"].shape
    return {
        "group_size": channels[0],
        "flows": flows,
        "early_every": every,
        "early_size": channels[0] - channels[every] if every < flows else 1,
        "wavenet": {
            "layers": layers,
            "channels": width,
            "skip_channels": len(weights[f"WN.0.res_skip_layers.{layers - 1}.weight"]),
            "kernel_size": kernel_size,
        },
        "upsampling_width": kernel // mel_spec.hop_length,
    }


def _counterparts(model: WaveGlow) -> Iterable[tuple[str, nn.Module]]:
    """The modules that hold all weights of `model`, each with its name in the checkpoint."""
    yield "upsample", model.upsampler.convolution
    for k, step in enumerate(model.steps):
        network = step.network
        yield f"convinv.{k}.conv", step.mix
        yield f"WN.{k}.start", network.first
        yield f"WN.{k}.cond_layer", network.context
        for i, (gate, mix) in enumerate(zip(network.gates, network.mixes, strict=True)):
            yield f"WN.{k}.in_layers.{i}", gate
            yield f"WN.{k}.res_skip_layers.{i}", mix
        yield f"WN.{k}.end", network.head[0]


def _assign(module: nn.Module, prefix: str, weights: Weights, source: str) -> None:
    """Move a module's part of `weights` into it; raises `CheckpointError` for a missing or misshapen one."""
    for name, parameter in list(module.named_parameters()):
        value = weights.pop(f"{prefix}.{name}", None)
        if value is None:
            raise CheckpointError(f"{source} lacks {prefix}.{name}")
        if value.numel() != parameter.numel() or value.shape[: parameter.dim()] != parameter.shape:
            raise CheckpointError(
                f"{source}: {prefix}.{name} has shape {list(value.shape)}, where its other sizes ask for "
                f"{list(parameter.shape)}"
            )
        setattr(module, name, nn.Parameter(value.reshape(parameter.shape).contiguous()))


def _count(weights: Weights, pattern: str) -> int:
    """One more than the largest number that names matching `pattern` have in their group."""
    found = [re.fullmatch(pattern, name) for name in weights]
    return max((int(match[1]) + 1 for match in found if match), default=0)
