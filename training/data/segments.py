"""Training segments: the batch of step n is a function of (seed, n) alone, so a resumed run sees the same."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from pydantic import Field
from rich.console import Console
from rich.progress import track
from torch import Tensor

from training.data.manifests import DataConfig, Recording
from training.data.pitch import PitchTrack, pitch_track
from training.distributed import Share, first_alone, share
from vocoder.audio import active_level, read, resample
from vocoder.config import Config
from vocoder.mel import MelFrontend, MelSpec, compress
from vocoder.processes import worker_pool


class SegmentConfig(Config):
    batch: int = Field(default=8, ge=1, description="segments a step")
    frames: int = Field(default=64, ge=1, description="frames a segment, context apart")
    gain_db: float = Field(default=6.0, ge=0, description="level is changed by up to this, both ways")
    speed: float = Field(
        default=0.12,
        ge=0,
        lt=0.5,
        description="speed and pitch are changed by up to this share; by resampling, which leaves nothing "
        "just below half the rate, so that a density learns there what recordings do not have",
    )
    held_out_frames: int | None = Field(
        default=None, ge=1, description="frames of a held-out segment [default: as in training]"
    )


class Clip(NamedTuple):
    speaker: str
    audio: NDArray[np.int16]
    pitch: PitchTrack | None = None
    name: str = ""


class Batch(NamedTuple):
    """Segments with the frames around them.

    `mel` and `f0` begin `left` frames before the first sample of `audio` and end `right` after its last.
    `f0` and `voiced` are there if the pitch of all clips was tracked.
    """

    audio: Float[Tensor, "batch sample"]
    mel: Float[Tensor, "batch mel context"]
    f0: Float[Tensor, "batch context"] | None = None
    voiced: Float[Tensor, "batch context"] | None = None

    def to(self, device: torch.device) -> "Batch":
        """On that device; a copy to a GPU is not waited for."""
        if device.type != "cuda":
            return self.map(lambda part: part.to(device))
        return self.map(lambda part: part.pin_memory().to(device, non_blocking=True))

    def map(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """With every tensor changed that is there."""
        f0 = None if self.f0 is None else change(self.f0)
        voiced = None if self.voiced is None else change(self.voiced)
        return Batch(change(self.audio), change(self.mel), f0, voiced)


class Segments:
    """Draws segments, with augmentation, from recordings held in memory as 16-bit samples.

    Args:
        left, right: frames of context wanted before the first and after the last sample.
    """

    def __init__(
        self,
        clips: list[Clip],
        spec: MelSpec,
        config: SegmentConfig,
        *,
        balance: float,
        left: int,
        right: int,
    ) -> None:
        self.clips, self.spec, self.config = clips, spec, config
        self.left, self.right = left, right
        self.frontend = MelFrontend(spec)
        self.cumulative = _weights(clips, balance).cumsum()
        self.cumulative /= self.cumulative[-1]

    def batch(self, seed: int, step: int, own: Share | None = None) -> Batch:
        """The rows of a step's batch that are this process's, or `own`; the same arguments give the same."""
        rng = np.random.default_rng([seed, step])
        places = [self._place(rng) for _ in range(self.config.batch)]
        drawn = [self._cut(*places[row]) for row in (own or share()).rows(self.config.batch)]
        waves = torch.from_numpy(np.stack([wave for wave, _ in drawn]))
        tracks = [track for _, track in drawn if track is not None]
        f0, voiced = torch.from_numpy(np.stack(tracks, 1)) if len(tracks) == len(drawn) else (None, None)
        half, hop = self.spec.n_fft // 2, self.spec.hop_length
        mel = compress(self.frontend.linear(waves), self.spec)
        start = half + self.left * hop
        return Batch(
            audio=waves[:, start : start + self.config.frames * hop],
            mel=mel,
            f0=f0,
            voiced=voiced,
        )

    def names(self, seed: int, step: int) -> list[str]:
        """The recordings of a step's batch, of all processes."""
        rng = np.random.default_rng([seed, step])
        return [self._place(rng)[0].name for _ in range(self.config.batch)]

    def _place(self, rng: np.random.Generator) -> tuple[Clip, float, float, int]:
        """A clip, a speed, a gain, and the sample with which the segment proper begins."""
        # the draw of rng.choice(len(clips), p=weights), which would check and add up the weights each time
        clip = self.clips[self.cumulative.searchsorted(rng.random(), side="right")]
        speed = 1 + self.config.speed * rng.uniform(-1, 1)
        gain = 10 ** (self.config.gain_db * rng.uniform(-1, 1) / 20)
        # the segment proper may begin anywhere in the clip
        room = max(1, len(clip.audio) - int(self.config.frames * self.spec.hop_length * speed))
        return clip, speed, gain, int(rng.integers(room))

    def _cut(self, clip: Clip, speed: float, gain: float, begin: int) -> tuple[NDArray, NDArray | None]:
        """A wave with half a window on both sides; F0 and voicing at its frames where they were tracked."""
        hop, half, rate = self.spec.hop_length, self.spec.n_fft // 2, self.spec.sample_rate
        num_frames = self.left + self.config.frames + self.right
        length = (num_frames - 1) * hop + 2 * half
        wanted = int(np.ceil(length * speed))
        start = int(begin - (self.left * hop + half) * speed)
        source = _slice(clip.audio, start, wanted)
        wave = soxr.resample(source, wanted, length, quality="MQ")[:length]
        wave = (np.pad(wave, (0, length - len(wave))) * np.float32(gain)).astype(np.float32)
        if clip.pitch is None:
            return wave, None
        times = (start + (half + hop * np.arange(num_frames)) * speed) / rate
        f0, voiced = clip.pitch.at(times)
        return wave, np.stack([f0 * speed, voiced]).astype(np.float32)


def load_clips(
    recordings: list[Recording],
    config: DataConfig,
    sample_rate: int,
    pitch_range: tuple[float, float] | None = None,
    *,
    progress: bool = False,
) -> list[Clip]:
    """Read, resample, and bring every speaker to the same level, on all cores.

    With a range in Hz, F0 is tracked as well, and kept on disk.
    """
    work = partial(_load, cache=config.cache, sample_rate=sample_rate, pitch_range=pitch_range)
    with first_alone(), worker_pool() as pool:
        arriving = pool.map(work, recordings, chunksize=8)
        shown = track(
            arriving,
            "reading recordings",
            len(recordings),
            console=Console(stderr=True),
            disable=not (progress and share().first),
        )
        loaded = list(shown)
    kept = [
        (r, audio, pitch)
        for r, (rate, audio, pitch) in zip(recordings, loaded, strict=True)
        if rate >= config.min_sample_rate
    ]
    gains = speaker_gains([(r.speaker, audio) for r, audio, _ in kept], config.level_db, sample_rate)
    return [
        Clip(
            r.speaker,
            np.rint(np.clip(audio * gains[r.speaker], -1, 1) * 32767).astype(np.int16),
            pitch,
            r.path.stem,
        )
        for r, audio, pitch in kept
    ]


def _load(
    recording: Recording, *, cache: Path, sample_rate: int, pitch_range: tuple[float, float] | None
) -> tuple[int, NDArray[np.float32], PitchTrack | None]:
    torch.set_num_threads(1)
    audio, rate = read(recording.path)
    wave = resample(audio, rate, sample_rate).numpy()
    track = None if pitch_range is None else pitch_track(wave, sample_rate, cache, *pitch_range)
    return rate, wave, track


def speaker_gains(
    clips: list[tuple[str, NDArray[np.float32]]], level_db: float, sample_rate: int
) -> dict[str, float]:
    """What brings the median clip of each speaker to the active level wanted."""
    levels: dict[str, list[float]] = {}
    for speaker, audio in clips:
        levels.setdefault(speaker, []).append(active_level(torch.from_numpy(audio), sample_rate))
    return {speaker: 10 ** ((level_db - float(np.median(values))) / 20) for speaker, values in levels.items()}


def _weights(clips: list[Clip], balance: float) -> NDArray[np.float64]:
    duration = np.array([len(clip.audio) for clip in clips], dtype=np.float64)
    total: dict[str, float] = {}
    for clip, length in zip(clips, duration, strict=True):
        total[clip.speaker] = total.get(clip.speaker, 0.0) + length
    weights = duration / np.array([total[clip.speaker] for clip in clips]) ** balance
    return weights / weights.sum()


def _slice(audio: NDArray[np.int16], start: int, length: int) -> NDArray[np.float32]:
    """Samples from `start` on, in [-1, 1]; silence beyond the ends of the clip."""
    inside = audio[max(start, 0) : max(start + length, 0)].astype(np.float32) / 32767
    before = min(max(-start, 0), length)
    return np.pad(inside, (before, length - before - len(inside)))
