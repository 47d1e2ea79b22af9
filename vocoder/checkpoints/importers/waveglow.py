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
    try:
        weights = _fuse(weights, source)
        sizes = _read_sizes(weights, mel_spec, source)
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


def _fuse(weights: Weights, source: str) -> Weights:
    """The newest layout: one conditioning layer a WN, residual above skip channels in one layer.

    Raises:
        KeyError: with the name of a layer that is missing between others.
        CheckpointError: layers that do not fit together.
    """
    fused = dict(weights)
    for wn in sorted(
        {name.partition(".")[2].partition(".")[0] for name in weights if name.startswith("WN.")}
    ):
        own = re.escape(f"WN.{wn}")
        for kind in ("weight", "bias"):
            layers = _count(weights, rf"{own}\.cond_layers\.(\d+)\.{kind}")
            if layers:
                names = (f"WN.{wn}.cond_layers.{i}.{kind}" for i in range(layers))
                fused[f"WN.{wn}.cond_layer.{kind}"] = _joined(fused, names, source)
            for i in range(_count(weights, rf"{own}\.skip_layers\.(\d+)\.{kind}")):
                residual, skip = (f"WN.{wn}.{part}_layers.{i}.{kind}" for part in ("res", "skip"))
                both = [residual, skip] if residual in fused else [skip]  # the last has no residual
                fused[f"WN.{wn}.res_skip_layers.{i}.{kind}"] = _joined(fused, both, source)
    return fused


def _joined(weights: Weights, names: Iterable[str], source: str) -> Tensor:
    """Those taken out of `weights`, one above the other."""
    parts = {name: weights.pop(name) for name in names}
    try:
        return torch.cat(list(parts.values()))
    except RuntimeError:
        shapes = ", ".join(f"{name} {list(part.shape)}" for name, part in parts.items())
        raise CheckpointError(f"{source}: these do not fit together: {shapes}") from None


def _axes(weights: Weights, name: str, source: str) -> torch.Size:
    """The three sizes of a convolution's weight."""
    shape = weights[name].shape
    if len(shape) != 3:
        raise CheckpointError(
            f"{source}: {name} has shape {list(shape)}, where a convolution of a WaveGlow has three axes"
        )
    return shape


def _read_sizes(weights: Weights, mel_spec: MelSpec, source: str) -> dict[str, object]:
    """The sizes of a config.

    Raises:
        KeyError: with the name of a weight that is missing.
        CheckpointError: a weight of other axes than a convolution's, or a `mel_spec` that does not fit.
    """
    flows = _count(weights, r"convinv\.(\d+)\.conv\.weight")
    channels = [_axes(weights, f"convinv.{k}.conv.weight", source)[0] for k in range(max(1, flows))]
    every = next((k for k, n in enumerate(channels) if n < channels[0]), flows)
    num_mels, _, kernel = _axes(weights, "upsample.weight", source)
    if num_mels != mel_spec.num_mels or kernel % mel_spec.hop_length:
        raise CheckpointError(
            f"the mel spec has {mel_spec.num_mels} bands every {mel_spec.hop_length} samples, but the "
            f"checkpoint reads {num_mels} bands and spreads a frame over {kernel} samples: "
            f"name the analysis it was trained on"
        )
    layers = _count(weights, r"WN\.0\.in_layers\.(\d+)\.weight")
    _, width, kernel_size = _axes(weights, "WN.0.in_layers.0.weight", source)
    return {
        "group_size": channels[0],
        "flows": flows,
        "early_every": every,
        "early_size": channels[0] - channels[every] if every < flows else 1,
        "wavenet": {
            "layers": layers,
            "channels": width,
            "skip_channels": _axes(weights, f"WN.0.res_skip_layers.{layers - 1}.weight", source)[0],
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
