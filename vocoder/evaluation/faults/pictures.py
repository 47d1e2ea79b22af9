"""The worst clips of each detector as spectrograms, the recording beside the voice, the faults marked."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.signal import ShortTimeFFT

from vocoder.evaluation.faults import DETECTORS, Detector
from vocoder.evaluation.faults.detector import Event, Heard
from vocoder.evaluation.faults.survey import Hearing, hear
from vocoder.evaluation.manifest import Clip
from vocoder.evaluation.runner import System

AROUND_SECONDS = 0.4
"""To each side of the strongest event."""
RANGE_DB = 80.0
WINDOW, HOP = 256, 32  # samples
MARK = "#35e0ff"


def worst_of(hearings: Sequence[Hearing], detector: str, count: int) -> list[Hearing]:
    """The hearings with the strongest events of one detector, the strongest first."""
    with_events = [h for h in hearings if detector in h.found and h.found[detector].events]
    return sorted(with_events, key=lambda h: -abs(strongest(h, detector).strength))[:count]


def strongest(hearing: Hearing, detector: str) -> Event:
    return max(hearing.found[detector].events, key=lambda event: abs(event.strength))


def draw_worst(
    folder: Path,
    hearings: Sequence[Hearing],
    clips: Sequence[Clip],
    systems: Sequence[System],
    count: int,
    advance: Callable[[int], None] = lambda amount: None,
) -> dict[str, Path]:
    """Write DETECTOR.jpg into `folder`, of the `count` worst clips; what they show is made again.

    Returns the file of each detector that found anything.
    """
    by_clip: Mapping[str, Clip] = {clip.name: clip for clip in clips}
    by_system: Mapping[str, System] = {system.name: system for system in systems}

    @lru_cache(maxsize=len(clips))
    def again(clip: str, system: str) -> Heard:
        return hear(by_clip[clip], by_system[system])

    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    for name, detector in DETECTORS.items():
        if worst := worst_of(hearings, name, count):
            files[name] = folder / f"{name}.jpg"
            heard = [again(hearing.clip, hearing.system) for hearing in worst]
            sheet(detector, worst, heard).savefig(files[name], dpi=60, pil_kwargs={"quality": 80})
            advance(1)
    return files


def sheet(detector: Detector, hearings: Sequence[Hearing], heard: Sequence[Heard]) -> Any:
    """A figure: around the strongest event of each, the recording on the left, the voice on the right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.0, 1.9 * len(hearings)), layout="constrained")
    grid = figure.subplots(len(hearings), 2, sharex="row", sharey=True, squeeze=False)
    for row, hearing, audible in zip(grid, hearings, heard, strict=True):
        pair = audible.pair
        worst = strongest(hearing, detector.name)
        top = float(np.abs(_spectrum(pair.reference, pair.sample_rate)[0]).max())
        for axes, audio in zip(row, (pair.reference, pair.generated), strict=True):
            _draw(axes, audio, pair.sample_rate, top)
            for event in hearing.found[detector.name].events:
                axes.axvline(event.seconds, color=MARK, linewidth=0.8, ymin=0.93)
        row[0].set(ylabel="kHz")
        row[0].set_title(f"recording: {hearing.clip}", fontsize=8)
        unit = f"{worst.strength:.2f} {detector.strength_unit}".rstrip()
        row[1].set_title(f"{hearing.system}: {unit} at {worst.seconds:.3f} s", fontsize=8)
        row[0].set_xlim(worst.seconds - AROUND_SECONDS, worst.seconds + AROUND_SECONDS)
    return figure


def _draw(axes: Any, audio: Float[np.ndarray, "sample"], rate: int, top: float) -> None:
    magnitude, hop = _spectrum(audio, rate)
    level = 20 * np.log10(np.maximum(magnitude / top, 1e-9))
    edge = hop / rate / 2
    extent = (-edge, edge + (level.shape[1] - 1) * hop / rate, 0, rate / 2000)
    axes.imshow(level, origin="lower", aspect="auto", cmap="magma", vmin=-RANGE_DB, vmax=0, extent=extent)


def _spectrum(audio: Float[np.ndarray, "sample"], rate: int) -> tuple[Float[np.ndarray, "bin frame"], int]:
    """Magnitudes of frames centred at multiples of the hop, of unit gain for a sine, and the hop."""
    transform = ShortTimeFFT(np.hanning(WINDOW), HOP, rate, mfft=1024, scale_to="magnitude")
    first = -transform.p_min
    return np.abs(transform.stft(audio))[:, first:], HOP
