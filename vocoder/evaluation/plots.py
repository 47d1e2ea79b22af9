"""Pictures: waveforms and mels of several versions of one clip, spectrograms in pairs, scores over time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

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
WAVE_COLUMNS = 3000


class ScoredClip(NamedTuple):
    """A recording at the rate of its mel, and the bits a sample that a voice gives it."""

    audio: Float[Tensor, "sample"]
    mel: Float[Tensor, "mel frame"]
    curve: Float[Tensor, "hop"]  # mean over the samples of each hop
    bits_per_sample: float


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
    draw_spectrogram_pair(reference, generated, sample_rate, title).savefig(path, dpi=110)


def draw_spectrogram_pair(
    reference: Float[Tensor, "_"], generated: Float[Tensor, "_"], sample_rate: int, title: str
) -> Any:
    """The figure of `plot_spectrogram_pair`."""
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
    return figure


def plot_scores(path: Path, clips: Mapping[str, ScoredClip], spec: MelSpec, unit: str) -> None:
    """Write waveform, mel and bits of each of `clips`, one under the other; `unit` says what the bits are.

    The format is that of the suffix. All curves have one scale, all mels one colour range.

    Raises:
        InputError: no clip.
    """
    if not clips:
        raise InputError("there is no score to plot")
    hop = spec.hop_length / spec.sample_rate
    low = min(clip.mel.min().item() for clip in clips.values())
    high = max(clip.mel.max().item() for clip in clips.values())
    bottom = min(0.0, *(clip.curve.min().item() for clip in clips.values()))
    top = 1.05 * max(clip.curve.max().item() for clip in clips.values())
    figure = _figure(11.0, 3.9 * len(clips) + 0.3)
    rows = figure.subplots(len(clips), 1, squeeze=False)[:, 0]
    for row, (name, clip) in zip(rows, clips.items(), strict=True):
        wave_axes, mel_axes, bits_axes = _thirds(row)
        _draw_wave(wave_axes, clip.audio, spec.sample_rate)
        wave_axes.set_title(name, loc="left", fontweight="bold")
        wave_axes.set_title(f"{clip.bits_per_sample:.3f} {unit}", loc="right")
        extent = (*_frame_edges(spec, clip.mel.shape[1]), -0.5, spec.num_mels - 0.5)
        mel_axes.imshow(clip.mel.numpy(), cmap=COLOURS, vmin=low, vmax=high, extent=extent, **_IMAGE)
        _label_bands(mel_axes, spec)
        edges = np.minimum(np.arange(len(clip.curve) + 1) * hop, len(clip.audio) / spec.sample_rate)
        bits_axes.stairs(clip.curve.numpy(), edges, fill=True, baseline=bottom, color="#9c2e7f", alpha=0.25)
        bits_axes.stairs(clip.curve.numpy(), edges, baseline=None, color="#6b1d73", linewidth=0.9)
        bits_axes.axhline(clip.bits_per_sample, color="black", linewidth=0.8, linestyle=(0, (4, 3)))
        bits_axes.set(ylim=(bottom, top), ylabel="bits / sample", xlabel="time [s]")
        bits_axes.set_xlim(0, len(clip.audio) / spec.sample_rate)
        bits_axes.grid(alpha=0.25)
    figure.savefig(path, dpi=110)


def _thirds(row: Any) -> Any:
    """Three panels with one time axis in the place of one: waveform, mel, curve."""
    row.set_axis_off()
    grid = row.get_subplotspec().subgridspec(3, 1, height_ratios=[1, 2.2, 1.6])
    return grid.subplots(sharex=True)


def _draw_wave(axes: Any, audio: Tensor, sample_rate: int) -> None:
    """The waveform; where it has more samples than a picture has columns, what they span."""
    samples = audio.numpy()
    step = max(1, len(samples) // WAVE_COLUMNS)
    columns = samples[: len(samples) // step * step].reshape(-1, step)
    seconds = np.arange(len(columns)) * step / sample_rate
    axes.fill_between(seconds, columns.min(1), columns.max(1), color="black", linewidth=0.4)
    peak = max(1e-3, float(np.abs(samples).max()))
    axes.set(ylim=(-1.05 * peak, 1.05 * peak), ylabel="amplitude")


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
