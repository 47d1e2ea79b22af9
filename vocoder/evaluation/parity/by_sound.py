"""How far a voice is from the recording in each class of sounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from vocoder.evaluation.parity.paired import Better
from vocoder.evaluation.parity.spectra import Spectra


class SoundError(NamedTuple):
    """Both in dB over the frames of a class; NaN where there are none. `frames` counts them."""

    distance: float
    level: float
    frames: int


@dataclass(frozen=True)
class Figure:
    """A field of `SoundError`: its heading, the end that is better, a sentence."""

    name: str
    label: str
    better: Better
    meaning: str


FIGURES = (
    Figure(
        *("distance", "spectral distance", "lower"),
        "root mean square over the mel bands, mean over frames, errors of level included",
    ),
    Figure("level", "level error", "zero", "louder than the recording, mean over frames"),
)


def errors_by_class(
    spectra: Spectra, labels: Int[np.ndarray, "frame"], classes: Sequence[str]
) -> dict[str, SoundError]:
    """The errors in each of `classes`, which `labels` counts from 0.

    Distance of a frame: √ of the mean over bands of (G - R)², both in dB. Level of a frame: 10 log10 of the
    sum of its bands' powers, G's less R's.
    """
    distance = np.sqrt(np.mean((spectra.generated - spectra.reference) ** 2, axis=0))
    level = _level(spectra.generated) - _level(spectra.reference)
    return {name: _error(distance, level, labels == index) for index, name in enumerate(classes)}


def _error(distance: np.ndarray, level: np.ndarray, chosen: np.ndarray) -> SoundError:
    if not chosen.any():
        return SoundError(np.nan, np.nan, 0)
    return SoundError(float(distance[chosen].mean()), float(level[chosen].mean()), int(chosen.sum()))


def _level(decibels: Float[np.ndarray, "mel frame"]) -> Float[np.ndarray, "frame"]:
    return 10 * np.log10(np.sum(10 ** (decibels / 10), axis=0))
