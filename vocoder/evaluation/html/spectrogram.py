"""Spectrograms of a pair and what is different between them, as pictures without axes."""

import io
import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import uniform_filter

from vocoder.evaluation.alignment import Pair
from vocoder.evaluation.html.data_uri import data_uri
from vocoder.evaluation.plots import COLOURS, DYNAMIC_RANGE_DB, HOP_LENGTH, N_FFT

DIFFERENCE_COLOURS = "berlin"  # dark where nothing differs, as silence is in the others
DIFFERENCE_DB = 20.0
SMOOTHING = (
    9,
    7,
)  # bins and columns, some 190 Hz and 80 ms: two noises differ in every bin, and in none of this
MAX_COLUMNS = 900
ROWS = 256
QUALITY = 80


@dataclass(frozen=True)
class Spectrograms:
    """Data URIs of three pictures on the same axes: 0 to `seconds`, 0 to `hertz`."""

    recording: str
    generated: str
    difference: str
    seconds: float
    hertz: float


def draw(pair: Pair) -> Spectrograms:
    """A recording, what was made of it, and generated minus recording in dB, of power smoothed over a patch.

    Both levels are in dB below the recording's loudest bin and share one range of 80 dB; what lies under it
    counts as its floor, so that silence does not differ from silence.
    """
    powers = [_power(audio) for audio in (pair.reference, pair.generated)]
    top = max(powers[0].max(), 1e-20)
    recording, generated = (_decibels(power / top) for power in powers)
    smooth = [_decibels(uniform_filter(power / top, SMOOTHING)) for power in powers]
    return Spectrograms(
        _webp(recording, COLOURS, -DYNAMIC_RANGE_DB, 0.0),
        _webp(generated, COLOURS, -DYNAMIC_RANGE_DB, 0.0),
        _webp(smooth[1] - smooth[0], DIFFERENCE_COLOURS, -DIFFERENCE_DB, DIFFERENCE_DB),
        len(pair.reference) / pair.sample_rate,
        pair.sample_rate / 2,
    )


def gradient(colours: str) -> str:
    """A colour map as a CSS gradient, low to high."""
    import matplotlib
    from matplotlib.colors import to_hex

    stops = matplotlib.colormaps[colours](np.linspace(0, 1, 9))
    return f"linear-gradient(to right, {', '.join(map(to_hex, stops))})"


def _power(audio: Float[np.ndarray, "sample"]) -> Float[np.ndarray, "bin column"]:
    hop = max(HOP_LENGTH, math.ceil(len(audio) / MAX_COLUMNS))
    window = torch.hann_window(N_FFT, dtype=torch.float64)
    samples = torch.from_numpy(audio).double()
    spectrum = torch.stft(samples, N_FFT, hop, window=window, pad_mode="constant", return_complex=True)
    return spectrum[: N_FFT // 2].abs().square().numpy()


def _decibels(power: Float[np.ndarray, "bin column"]) -> Float[np.ndarray, "row column"]:
    """Within the range that is shown, neighbouring bins in one row."""
    levels = np.clip(10 * np.log10(np.maximum(power, 1e-20)), -DYNAMIC_RANGE_DB, 0)
    return levels.reshape(ROWS, -1, levels.shape[1]).mean(1)


def _webp(values: Float[np.ndarray, "row column"], colours: str, low: float, high: float) -> str:
    from matplotlib.image import imsave

    file = io.BytesIO()
    imsave(
        file,
        values,
        vmin=low,
        vmax=high,
        cmap=colours,
        origin="lower",
        format="webp",
        pil_kwargs={"quality": QUALITY},
    )
    return data_uri("image/webp", file.getvalue())
