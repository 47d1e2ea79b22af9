"""The worst clips of each detector as spectrograms, the recording above the voice, the faults marked."""

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

CLOSE_SECONDS = 0.2
"""To each side of the strongest event, in the picture of its surroundings."""
RANGE_DB = 80.0
WINDOWS = (512, 256)  # of the whole clip and of the surroundings, in samples
COLUMNS = 700  # about as many as the picture has
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
) -> dict[str, list[Path]]:
    """Write `count` pictures for each detector into `folder`; what they show is made again.

    Returns the files of each detector, the worst first: DETECTOR-RANK-SYSTEM-CLIP.png.
    """
    by_clip: Mapping[str, Clip] = {clip.name: clip for clip in clips}
    by_system: Mapping[str, System] = {system.name: system for system in systems}

    @lru_cache(maxsize=len(clips))
    def again(clip: str, system: str) -> Heard:
        return hear(by_clip[clip], by_system[system])

    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, list[Path]] = {}
    for name, detector in DETECTORS.items():
        for rank, hearing in enumerate(worst_of(hearings, name, count), start=1):
            stem = f"{name}-{rank:02}-{hearing.system}-{Path(hearing.clip).name}"
            files.setdefault(name, []).append(folder / f"{stem}.png")
            heard = again(hearing.clip, hearing.system)
            picture(heard, hearing, detector).savefig(files[name][-1], dpi=80)
            advance(1)
    return files


def picture(heard: Heard, hearing: Hearing, detector: Detector) -> Any:
    """A figure: the whole clip, and around the strongest event; the recording above, the voice below."""
    from matplotlib.figure import Figure

    pair, events = heard.pair, hearing.found[detector.name].events
    worst = strongest(hearing, detector.name)
    figure = Figure(figsize=(12.0, 5.0), layout="constrained")
    figure.suptitle(
        f"{detector.label}: {hearing.system} on {hearing.clip}, {worst.strength:.2f} "
        f"{detector.strength_unit} at {worst.seconds:.3f} s"
    )
    grid = figure.subplots(2, 2, sharex="col", sharey=True, width_ratios=[3, 1])
    top = float(np.abs(_spectrum(pair.reference, pair.sample_rate, WINDOWS[0])[0]).max())
    for row, name, audio in zip(
        grid, ("recording", hearing.system), (pair.reference, pair.generated), strict=True
    ):
        for axes, window in zip(row, WINDOWS, strict=True):
            _draw(axes, audio, pair.sample_rate, window, top)
            for event in events:
                axes.axvline(event.seconds, color=MARK, linewidth=0.8, ymin=0.93)
        row[0].set(ylabel="kHz", title=name)
    grid[0, 0].set_xlim(0, heard.seconds)
    grid[0, 1].set_xlim(worst.seconds - CLOSE_SECONDS, worst.seconds + CLOSE_SECONDS)
    for axes in grid[1]:
        axes.set_xlabel("time [s]")
    return figure


def _draw(axes: Any, audio: Float[np.ndarray, "sample"], rate: int, window: int, top: float) -> None:
    magnitude, hop = _spectrum(audio, rate, window)
    level = 20 * np.log10(np.maximum(magnitude / top, 1e-9))
    edge = hop / rate / 2
    extent = (-edge, edge + (level.shape[1] - 1) * hop / rate, 0, rate / 2000)
    axes.imshow(level, origin="lower", aspect="auto", cmap="magma", vmin=-RANGE_DB, vmax=0, extent=extent)


def _spectrum(
    audio: Float[np.ndarray, "sample"], rate: int, window: int
) -> tuple[Float[np.ndarray, "bin frame"], int]:
    """Magnitudes of frames centred at multiples of the hop, of unit gain for a sine, and the hop."""
    hop = window // 8 if window == WINDOWS[1] else max(window // 4, len(audio) // COLUMNS)
    transform = ShortTimeFFT(np.hanning(window), hop, rate, mfft=1024, scale_to="magnitude")
    first = -transform.p_min
    return np.abs(transform.stft(audio))[:, first:], hop
