"""The phone classifier: phones by forced alignment, cross-entropy, what it hears in held-out speech."""

import math
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soxr
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch import Tensor
from torch.nn import functional as F

from training.data.alignment import PHONES, Alignment, Unalignable, align_once, transcripts
from training.data.division import divide
from training.data.manifests import DataConfig, Recording, find_recordings, manifest_hash
from training.data.phones import phones_path, read_phones
from training.data.segments import SegmentConfig, speaker_gains
from training.distributed import Share, first_alone, share
from training.losses.phone_classifier import PhoneClassifier, PhoneClassifierConfig, save_classifier
from training.recipes.run import Recipe, claim_folder
from training.trainer import Task, Trainer, TrainerConfig
from vocoder.audio import read, resample
from vocoder.errors import ConfigError

HOP = 256
"""Samples that `segments.frames` counts."""


class ClassifierRecipe(Recipe):
    """Everything that decides the trained classifier."""

    model: PhoneClassifierConfig = PhoneClassifierConfig()
    segments: SegmentConfig = SegmentConfig(batch=8, frames=96, gain_db=6.0, speed=0.05)
    flow: TrainerConfig


class AlignedClip(NamedTuple):
    speaker: str
    audio: NDArray[np.float32]
    alignment: Alignment


class PhoneBatch(NamedTuple):
    audio: Float[Tensor, "batch sample"]
    phones: Int[Tensor, "batch step"]


class PhoneSegments:
    """Segments with their phones; the batch of a step is a function of (seed, step) alone."""

    def __init__(self, clips: list[AlignedClip], config: SegmentConfig, rate: int, stride: int) -> None:
        self.clips, self.config, self.rate, self.stride = clips, config, rate, stride
        length = np.array([len(clip.audio) for clip in clips], dtype=np.float64)
        self.weights = length / length.sum()

    def batch(self, seed: int, step: int, own: Share | None = None) -> PhoneBatch:
        """The rows of a step's batch that are this process's, or `own`."""
        rng = np.random.default_rng([seed, step])
        drawn = [self._draw(rng) for _ in range(self.config.batch)]
        rows = [drawn[row] for row in (own or share()).rows(len(drawn))]
        return PhoneBatch(*(torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True)))

    def _draw(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        clip = self.clips[rng.choice(len(self.clips), p=self.weights)]
        speed = 1 + self.config.speed * rng.uniform(-1, 1)
        gain = 10 ** (self.config.gain_db * rng.uniform(-1, 1) / 20)
        length = self.config.frames * HOP // self.stride * self.stride
        wanted = math.ceil(length * speed)
        start = int(rng.integers(max(1, len(clip.audio) - wanted)))
        source = clip.audio[start : start + wanted]
        wave = soxr.resample(np.pad(source, (0, wanted - len(source))), wanted, length, quality="MQ")[:length]
        wave = np.pad(wave, (0, length - len(wave))) * np.float32(gain)
        middles = (np.arange(length // self.stride) + 0.5) * self.stride * speed
        return wave.astype(np.float32), clip.alignment.at((start + middles) / self.rate)


class ClassifierTask(Task):
    """Cross-entropy of the phones, step by step."""

    def __init__(
        self, classifier: PhoneClassifier, segments: PhoneSegments, held_out: PhoneBatch, seed: int
    ) -> None:
        self.model = self.classifier = classifier
        self.drawn, self.held_out, self.seed = segments, held_out, seed

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        batch = self.drawn.batch(self.seed, step)
        logits = self.classifier(batch.audio.to(self.device)).logits
        phones = batch.phones.to(self.device)
        right = (logits.argmax(dim=1) == phones).float().mean()
        return F.cross_entropy(logits, phones), {"accuracy": right.item()}

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Shares of held-out steps that are heard right: of all, of those not silent, of each phone there."""
        phones = self.held_out.phones.to(self.device)
        logits = self.classifier(self.held_out.audio.to(self.device)).logits
        right, spoken = (logits.argmax(dim=1) == phones).float(), phones > 0
        figures = {
            "valid_cross_entropy": F.cross_entropy(logits, phones).item(),
            "valid_accuracy": right.mean().item(),
        }
        if spoken.any():
            figures["valid_accuracy_spoken"] = right[spoken].mean().item()
        present = {name: phones == i for i, name in enumerate(PHONES)}
        return figures | {
            f"valid_accuracy_{name}": right[here].mean().item()
            for name, here in present.items()
            if here.any()
        }


def train_classifier(
    recipe: ClassifierRecipe, folder: Path, *, max_minutes: float | None = None, progress: bool = True
) -> Path | None:
    """Train, or go on training, into `folder`; returns the checkpoint's path when the last step is reached.

    Raises:
        ConfigError: recordings or transcripts missing, too few that can be aligned; a folder begun otherwise.
        MissingExtra: pocketsphinx is not installed.
        TrainingDiverged: a loss or a gradient that is not finite.
    """
    deadline = math.inf if max_minutes is None else time.monotonic() + 60 * max_minutes
    torch.manual_seed(recipe.flow.seed)
    classifier = PhoneClassifier(recipe.model)
    recordings = find_recordings(recipe.data)
    data_hash = manifest_hash(recordings)
    claim_folder(folder, recipe, data_hash)
    with first_alone():
        clips, left_out = load_aligned(recordings, recipe.data, recipe.model.sample_rate, progress=progress)
    if len(clips) < 2:
        why = "; ".join(f"{name}: {reason}" for name, reason in list(left_out.items())[:3])
        raise ConfigError(f"data: {len(clips)} recordings could be aligned, two are needed ({why})")
    rate, stride = recipe.model.sample_rate, classifier.stride
    train, kept_out = divide(clips, recipe.data, rate)
    frames = recipe.segments.held_out_frames or recipe.segments.frames
    plain = recipe.segments.model_copy(update={"batch": 32, "frames": frames, "gain_db": 0.0, "speed": 0.0})
    held_out = PhoneSegments(kept_out, plain, rate, stride).batch(0, 0, Share())
    segments = PhoneSegments(train, recipe.segments, rate, stride)
    task = ClassifierTask(classifier, segments, held_out, recipe.flow.seed)
    learning = Trainer(task, recipe.flow, folder / "flow")
    if not learning.run(max_minutes=(deadline - time.monotonic()) / 60, progress=progress):
        return None
    learning.use_average()
    classifier.eval()
    record: dict[str, Any] = {
        "recipe": recipe.portable(),
        "data_hash": data_hash,
        "aligned": len(clips),
        "left_out": left_out,
        "cpu_seconds": round(learning.cpu_seconds),
        "held_out": task.evaluate(),
        "curves": {"flow": learning.curve()},
    }
    path = folder / f"{recipe.name}.safetensors"
    if share().first:
        save_classifier(path, classifier, record)
    return path


def load_aligned(
    recordings: list[Recording], config: DataConfig, sample_rate: int, *, progress: bool = False
) -> tuple[list[AlignedClip], dict[str, str]]:
    """Recordings that can be aligned, every speaker at the same level, and why the others are left out.

    Phones that lie beside a recording, as `vocoder prepare` puts them there, are taken as they are.
    """
    alone = {r.path.parent for r in recordings if not phones_path(r.path).is_file()}
    texts = {folder: transcripts(folder) for folder in alone}
    loaded: list[tuple[Recording, NDArray[np.float32], Alignment]] = []
    left_out: dict[str, str] = {}
    console, shown = Console(stderr=True), progress and share().first
    for recording in track(recordings, "aligning phones", console=console, disable=not shown):
        audio, rate = read(recording.path)
        if rate < config.min_sample_rate:
            left_out[recording.path.stem] = f"{rate} Hz, below data.min_sample_rate"
            continue
        wave = resample(audio, rate, sample_rate).numpy()
        try:
            loaded.append(
                (recording, wave, _alignment(recording.path, wave, sample_rate, texts, config.cache))
            )
        except Unalignable as error:
            left_out[recording.path.stem] = str(error)
    if shown:
        console.print(f"{len(loaded)} of {len(recordings)} recordings aligned, {len(left_out)} left out")
        for name, reason in left_out.items():
            console.print(f"  {name}: {reason}", highlight=False, markup=False, soft_wrap=True)
    gains = speaker_gains([(r.speaker, wave) for r, wave, _ in loaded], config.level_db, sample_rate)
    clips = [AlignedClip(r.speaker, (wave * gains[r.speaker]).astype(np.float32), a) for r, wave, a in loaded]
    return clips, left_out


def _alignment(
    path: Path, wave: NDArray[np.float32], rate: int, texts: dict[Path, dict[str, str]], cache: Path
) -> Alignment:
    if (beside := phones_path(path)).is_file():
        return read_phones(beside)
    return align_once(wave, rate, texts[path.parent].get(path.stem, ""), cache / "phones")
