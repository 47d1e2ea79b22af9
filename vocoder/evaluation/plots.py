"""Pictures: waveforms and mels of several versions of one clip, spectrograms in pairs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.errors import InputError
from vocoder.mel import MelFrontend, MelSpec

COLOURS = "magma"
FREQUENCY_TICKS = (500, 1000, 2000, 4000, 8000, 16000)
DYNAMIC_RANGE_DB = 80.0
N_FFT, HOP_LENGTH = 1024, 256


def plot_comparison(
    path: Path,
    audios: Mapping[str, Float[Tensor, "_"]],
    sample_rate: int,
    mel_frontend: MelFrontend,
) -> None:
    """Write a picture with a waveform over a mel for each of `audios`, the target first, on one time axis.

    All mels are in the units of the front end's dialect and share one colour range.

    Raises:
        InputError: no audio, or a sample rate that is not the front end's.
    """
    spec = mel_frontend.spec
    if not audios:
        raise InputError("there is no audio to plot")
    if sample_rate != spec.sample_rate:
        raise InputError(
            f"the audio is at {sample_rate} Hz and the mel front end at {spec.sample_rate} Hz: resample it"
        )
    mels = [mel_frontend(audio).numpy() for audio in audios.values()]
    low, high = min(mel.min() for mel in mels), max(mel.max() for mel in mels)
    peak = max(audio.abs().max().item() for audio in audios.values())
    figure = _figure(11.0, 2.5 * len(audios) + 0.6)
    rows = figure.subplots(2 * len(audios), 1, sharex=True, height_ratios=[1, 2.2] * len(audios))
    for (name, audio), mel, (wave_axes, mel_axes) in zip(
        audios.items(), mels, rows.reshape(-1, 2), strict=True
    ):
        seconds = np.arange(len(audio)) / sample_rate
        wave_axes.plot(seconds, audio, linewidth=0.4, color="black")
        wave_axes.set(ylim=(-1.05 * peak, 1.05 * peak), ylabel="amplitude")
        wave_axes.set_title(name, loc="left", fontweight="bold")
        extent = (*_frame_edges(spec, mel.shape[1]), -0.5, spec.num_mels - 0.5)
        image = mel_axes.imshow(mel, cmap=COLOURS, vmin=low, vmax=high, extent=extent, **_IMAGE)
        _label_bands(mel_axes, spec)
    rows[-1].set_xlabel("time [s]")
    rows[-1].set_xlim(0, max(len(audio) for audio in audios.values()) / sample_rate)
    figure.colorbar(image, ax=list(rows[1::2]), label=f"mel value ({_unit(spec)})", fraction=0.03, pad=0.01)
    figure.savefig(path, dpi=110)


def plot_spectrogram_pair(
    path: Path,
    reference: Float[Tensor, "_"],
    generated: Float[Tensor, "_"],
    sample_rate: int,
    title: str,
) -> None:
    """Write the spectrograms of a recording and of a voice side by side, in dB below the recording's peak."""
    figure = _figure(11.0, 3.6)
    figure.suptitle(title)
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    levels = [_decibels(audio) for audio in (reference, generated)]
    top = levels[0].max()
    for panel, level, name in zip(axes, levels, ("recording", "generated"), strict=True):
        seconds = level.shape[1] * HOP_LENGTH / sample_rate
        image = panel.imshow(
            level - top,
            cmap=COLOURS,
            vmin=-DYNAMIC_RANGE_DB,
            vmax=0,
            extent=(0, seconds, 0, sample_rate / 2000),
            **_IMAGE,
        )
        panel.set(title=name, xlabel="time [s]")
    axes[0].set_ylabel("frequency [kHz]")
    figure.colorbar(image, ax=list(axes), label="level [dB]", fraction=0.03, pad=0.01)
    figure.savefig(path, dpi=110)


_IMAGE: dict[str, Any] = {"aspect": "auto", "origin": "lower", "interpolation": "nearest"}


def _figure(width: float, height: float) -> Any:
    """A figure without pyplot: nothing global, no display."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _frame_edges(spec: MelSpec, num_frames: int) -> tuple[float, float]:
    """Where the picture of the first frame begins and that of the last ends, in seconds."""
    begin = spec.frame_centre - spec.hop_length / 2
    return begin / spec.sample_rate, (begin + num_frames * spec.hop_length) / spec.sample_rate


def _label_bands(axes: Any, spec: MelSpec) -> None:
    import librosa

    centres = librosa.mel_frequencies(
        spec.num_mels + 2, fmin=spec.fmin, fmax=spec.fmax, htk=spec.mel_scale == "htk"
    )[1:-1]
    ticks = [hertz for hertz in FREQUENCY_TICKS if centres[0] <= hertz <= centres[-1]]
    axes.set_yticks(
        np.interp(ticks, centres, np.arange(spec.num_mels)), [f"{hertz / 1000:g}" for hertz in ticks]
    )
    axes.set_ylabel("kHz")


def _unit(spec: MelSpec) -> str:
    if spec.mean is not None or spec.value_range is not None:
        return "normalised"
    logarithm = {"e": "ln", "10": "log10", "2": "log2", "none": "linear"}[spec.log_base]
    return logarithm if spec.multiplier == 1 else f"{spec.multiplier:g} {logarithm}"


def _decibels(audio: Tensor) -> np.ndarray:
    spectrum = torch.stft(audio, N_FFT, HOP_LENGTH, window=torch.hann_window(N_FFT), return_complex=True)
    return (20 * spectrum.abs().clamp(min=1e-10).log10()).numpy()
