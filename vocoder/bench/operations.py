"""Multiply-accumulates, counted: those of torch as they are called, those of the compiled loops by formula.

Counted: products of matrices, convolutions, attention; Fourier transforms by their nominal 5/2 N log2 N
(real) or 5 N log2 N (complex) floating-point operations, two a multiply-accumulate; the matrices of the
compiled samplers. Not counted: what works element by element (activations, interpolation, noise, windows).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from vocoder.models import Vocoder, uncorrected
from vocoder.models.autoregressive import AutoregressiveVocoder
from vocoder.networks.tiered_wavenet import TieredWaveNet
from vocoder.networks.wavenet import WaveNet

LOOP = "compiled loop"


def count_macs(work: Callable[[], Any]) -> dict[str, float]:
    """Of one call on the CPU, by operation of torch."""
    with FlopCounterMode(display=False, custom_mapping=_FOURIER) as counter:
        work()
    return {str(name): count / 2 for name, count in counter.get_flop_counts().get("Global", {}).items()}


def voice_macs(voice: Vocoder, mel: torch.Tensor) -> dict[str, float]:
    """Of `voice.synthesize(mel)` for a voice on the CPU, by operation, a second of audio.

    The compiled loop of an autoregressive voice stands under its own name.
    """
    voice.synthesize(mel)  # what is made once and kept
    counts = count_macs(lambda: voice.synthesize(mel))
    streams = len(mel) if mel.dim() == 3 else 1
    seconds = streams * voice.mel_spec.num_samples(mel.shape[-1]) / voice.sample_rate
    counts = {name: count / seconds for name, count in counts.items()}
    loop = sample_macs(voice)
    return counts | ({LOOP: loop * voice.sample_rate} if loop else {})


def sample_macs(voice: Vocoder) -> float:
    """Of the compiled loop a sample; 0 where a voice has none."""
    voice = uncorrected(voice)
    if not isinstance(voice, AutoregressiveVocoder):
        return 0.0
    network: Any = getattr(voice, "wavenet", None)
    if isinstance(network, TieredWaveNet):
        each = _weights(network.near, network.mix) + network.last_product()[0].numel()
        return _stack(network.upper) / network.group + each
    if isinstance(network, WaveNet):
        looked_up = _weights(network.first) if voice.output.categorical else 0  # a row of the matrix
        return _stack(network) - looked_up
    return 0.0


def _stack(network: Any) -> float:
    """Of one step of a WaveNet, without the context, whose product torch makes beforehand."""
    head = [layer for layer in network.head if hasattr(layer, "weight")]
    return _weights(network.first, *network.gates, *network.mixes, *head)


def _weights(*layers: Any) -> float:
    return float(sum(layer.weight.numel() for layer in layers))


def _real_transform(shape: torch.Size, dim: Sequence[int], *_: Any, **__: Any) -> float:
    return _fourier(shape, dim) / 2


def _complex_transform(shape: torch.Size, dim: Sequence[int], *_: Any, **__: Any) -> float:
    return _fourier(shape, dim)


def _inverse_real_transform(
    shape: torch.Size, dim: Sequence[int], normalization: int, last_size: int, *_: Any, **__: Any
) -> float:
    """Of a half spectrum: the transform has the length of what comes out."""
    full = list(shape)
    full[dim[-1]] = last_size
    return _fourier(torch.Size(full), dim) / 2


def _fourier(shape: torch.Size, dim: Sequence[int]) -> float:
    length = math.prod(shape[d] for d in dim)
    return 5.0 * math.prod(shape) * math.log2(max(length, 1))


_FOURIER: dict[Any, Any] = {
    torch.ops.aten._fft_r2c: _real_transform,
    torch.ops.aten._fft_c2r: _inverse_real_transform,
    torch.ops.aten._fft_c2c: _complex_transform,
}
