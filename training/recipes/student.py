"""The student's first stage: a pitch reader, then the linear flow with pulses, on spectra alone.

Two runs of the same loop. First the pitch network learns F0 and voicing from tracked recordings; then,
with it frozen, the filters learn to make speech whose spectra cannot be told from the recordings'.
"""

import json
import time
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from training.data.manifests import DataConfig, find_recordings, manifest_hash
from training.data.segments import Batch, Clip, SegmentConfig, Segments, load_clips
from training.losses.spectral import SpectralDistance, energy_distance
from training.trainer import Task, Trainer, TrainerConfig
from vocoder.checkpoints import save_checkpoint
from vocoder.checkpoints.format import write_atomically
from vocoder.config import Config
from vocoder.errors import ConfigError
from vocoder.mel import mel_spec
from vocoder.models import Student, StudentConfig
from vocoder.noise import MAX_SEED

UNVOICED_WEIGHT = 0.05  # F0 carried through unvoiced stretches is learned a little, so that it stays smooth


class LossConfig(Config):
    mel_weight: float = Field(default=1.0, ge=0)
    linear_weight: float = Field(default=1.0, ge=0)
    repulsion: float = Field(
        default=1.0, ge=0, le=1, description="1: generalized energy distance, 0: plain distance"
    )


class StudentRecipe(Config):
    """Everything that decides the trained student."""

    name: str = Field(description="of the voice")
    description: str = ""
    dialect: str = "nvidia"
    model: StudentConfig = StudentConfig()
    data: DataConfig
    pitch_segments: SegmentConfig = SegmentConfig(batch=16, frames=128, speed=0.2)
    pitch: TrainerConfig
    segments: SegmentConfig = SegmentConfig()
    loss: LossConfig = LossConfig()
    filters: TrainerConfig


class PitchTask(Task):
    """F0 as a distribution over bins (cross-entropy), voicing as a probability."""

    def __init__(self, student: Student, segments: Segments, held_out: Batch, seed: int) -> None:
        self.student, self.model, self.segments, self.seed = student, student.pitch, segments, seed
        self.held_out = held_out

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        frequency, voicing, _ = self._terms(self.segments.batch(self.seed, step))
        return frequency + voicing, {"frequency": frequency.item(), "voicing": voicing.item()}

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        frequency, voicing, cents = self._terms(self.held_out)
        wrong = (cents > 50).float().mean()
        return {
            "valid_frequency": frequency.item(),
            "valid_voicing": voicing.item(),
            "valid_median_cents": cents.median().item(),
            "valid_off_by_50_cents": wrong.item(),
        }

    def _terms(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        pitch = self.student.read_pitch(batch.mel)
        reach = self.student.pitch.network
        inside = slice(reach.left_context, batch.mel.shape[-1] - reach.right_context)
        f0, voiced = batch.f0[:, inside], batch.voiced[:, inside]
        wanted = self.student.pitch.targets(f0)
        weight = voiced + UNVOICED_WEIGHT * (1 - voiced)
        entropy = -(wanted * pitch.logits.log_softmax(dim=1)).sum(dim=1)
        voicing = F.binary_cross_entropy_with_logits(pitch.voicing, voiced)
        cents = 1200 * (pitch.frequency / f0).log2().abs()
        return (weight * entropy).sum() / weight.sum(), voicing, cents[voiced > 0.5]


class FilterTask(Task):
    """Noise and pulses through the filters, compared with the recording's spectra."""

    def __init__(
        self, student: Student, segments: Segments, held_out: Batch, loss: LossConfig, seed: int
    ) -> None:
        self.student, self.model, self.segments, self.seed = student, student.filters, segments, seed
        self.held_out, self.repulsion = held_out, loss.repulsion
        self.distance = SpectralDistance(
            student.mel_spec, mel_weight=loss.mel_weight, linear_weight=loss.linear_weight
        )

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + step) % MAX_SEED)
        return self._distance(self.segments.batch(self.seed, step), self.repulsion, generator), {}

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        generator = torch.Generator().manual_seed(0)
        plain = self._distance(self.held_out, 0.0, generator)
        score = self._distance(self.held_out, 1.0, generator)
        return {"valid_distance": plain.item(), "valid_energy_distance": score.item()}

    def _distance(self, batch: Batch, repulsion: float, generator: torch.Generator) -> Tensor:
        start = self.student.start([0] * len(batch.mel), 1.0)
        phase = torch.rand(start.phase.shape, generator=generator, dtype=torch.float64)
        filters, _, _ = self.student.source_filters(batch.mel, phase, start.past_pulses)
        count = 1 if repulsion == 0 else 2
        samples = [self._speak(filters, batch.audio, generator) for _ in range(count)]
        warm = self.student.mel_spec.hop_length * 2  # the filters begin without a past: not compared
        return energy_distance(
            self.distance, [s[:, warm:] for s in samples], batch.audio[:, warm:], repulsion
        )

    def _speak(self, filters: Any, like: Tensor, generator: torch.Generator) -> Float[Tensor, "batch sample"]:
        noise = torch.randn(like.shape, generator=generator).unsqueeze(1)
        return self.student.flow.to_data(noise, filters)[0][:, 0]


def train_student(
    recipe: StudentRecipe, folder: Path, *, max_minutes: float | None = None, progress: bool = True
) -> Path | None:
    """Train, or go on training, into `folder`; returns the voice's path when the last step is reached.

    Raises:
        ConfigError: recordings missing or too few, or a folder begun with another recipe or other data.
        TrainingDiverged: a loss or a gradient that is not finite.
    """
    begun = time.monotonic()
    torch.manual_seed(recipe.filters.seed)
    student = Student(recipe.model, mel_spec(recipe.dialect))
    recordings = find_recordings(recipe.data)
    data_hash = manifest_hash(recordings)
    claim_folder(folder, recipe, data_hash)
    low, high = student.pitch.low, student.pitch.high
    clips = load_clips(recordings, recipe.data, student.sample_rate, low, high, progress=progress)
    if len(clips) < 2:
        raise ConfigError(
            f"data: {len(clips)} usable recordings are too few; one is held out, so give two or more"
        )

    reading = _read_pitch(recipe, student, clips, folder)
    if not reading.run(max_minutes=_left(max_minutes, begun), progress=progress):
        return None
    reading.use_average()
    student.pitch.requires_grad_(False)
    shaping = _shape_filters(recipe, student, clips, folder)
    if not shaping.run(max_minutes=_left(max_minutes, begun), progress=progress):
        return None
    shaping.use_average()
    path = folder / f"{recipe.name}.safetensors"
    stages = {"pitch": reading, "filters": shaping}
    record = _record(recipe, clips, data_hash, student.sample_rate, stages)
    save_checkpoint(path, student, description=recipe.description, training=record)
    return path


def _left(max_minutes: float | None, begun: float) -> float | None:
    return None if max_minutes is None else max_minutes - (time.monotonic() - begun) / 60


def claim_folder(folder: Path, recipe: StudentRecipe, data_hash: str) -> None:
    """Note in `folder` what is trained there; raises `ConfigError` when that is something else already."""
    note = {"recipe": _portable(recipe), "data_hash": data_hash}
    path = folder / "recipe.json"
    if path.exists() and json.loads(path.read_text()) != note:
        raise ConfigError(
            f"{folder} was begun with another recipe or other recordings (see {path}): "
            "go on with those, or choose another folder with --output"
        )
    write_atomically(path, json.dumps(note, indent=2).encode())


def _portable(recipe: StudentRecipe) -> dict[str, Any]:
    """The recipe without the places on this machine."""
    return recipe.model_dump(mode="json", exclude={"data": {"root", "cache"}})


def _read_pitch(recipe: StudentRecipe, student: Student, clips: list[Clip], folder: Path) -> Trainer:
    reach = student.pitch.network
    segments, held_out = _segments(
        clips, student, recipe.data, recipe.pitch_segments, reach.left_context, reach.right_context
    )
    task = PitchTask(student, segments, held_out, recipe.pitch.seed)
    return Trainer(task, recipe.pitch, folder / "pitch")


def _shape_filters(recipe: StudentRecipe, student: Student, clips: list[Clip], folder: Path) -> Trainer:
    segments, held_out = _segments(
        clips, student, recipe.data, recipe.segments, student.left_context, student.lookahead_frames
    )
    task = FilterTask(student, segments, held_out, recipe.loss, recipe.filters.seed)
    return Trainer(task, recipe.filters, folder / "filters")


def _record(
    recipe: StudentRecipe, clips: list[Clip], data_hash: str, sample_rate: int, stages: dict[str, Trainer]
) -> dict[str, Any]:
    """What the checkpoint tells of its training."""
    return {
        "recipe": _portable(recipe),
        "data_hash": data_hash,
        "recordings": len(clips),
        "minutes_of_speech": round(sum(len(clip.audio) for clip in clips) / sample_rate / 60, 1),
        "speakers": len({clip.speaker for clip in clips}),
        "steps": {name: stage.step for name, stage in stages.items()},
        "cpu_seconds": round(sum(stage.cpu_seconds for stage in stages.values())),
        "curves": {name: stage.curve() for name, stage in stages.items()},
    }


def _segments(
    clips: list[Clip], student: Student, data: DataConfig, config: SegmentConfig, left: int, right: int
) -> tuple[Segments, Batch]:
    """Training segments, and a fixed plain batch from every fortieth clip, which is kept out of training."""
    spec, balance = student.mel_spec, data.speaker_balance
    train = [clip for i, clip in enumerate(clips) if i % 40]
    held_out = [clip for i, clip in enumerate(clips) if i % 40 == 0]
    plain = config.model_copy(update={"batch": 32, "gain_db": 0.0, "speed": 0.0})
    fixed = Segments(held_out, spec, plain, balance=balance, left=left, right=right).batch(0, 0)
    return Segments(train, spec, config, balance=balance, left=left, right=right), fixed
