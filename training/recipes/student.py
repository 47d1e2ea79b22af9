"""The student's first stage: a pitch reader, then the linear flow with pulses, on spectra alone.

Two runs of the same loop. First the pitch network learns F0 and voicing from tracked recordings; then,
with it frozen, the filters learn to make speech whose spectra cannot be told from the recordings'.
"""

import time
from pathlib import Path

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor

from training.data.manifests import find_recordings, manifest_hash
from training.data.segments import Batch, Clip, SegmentConfig, Segments
from training.distributed import step_generator
from training.losses.spectral import SpectralDistance, energy_distance
from training.losses.stft import LONGEST_WINDOW
from training.recipes.pitch import PitchTask
from training.recipes.run import (
    WARM_HOPS,
    Recipe,
    begin_with,
    check_frames,
    claim_folder,
    cut_segments,
    held_out_speech,
    save_voice,
    speak,
    training_record,
    usable_clips,
)
from training.run_log import Listening
from training.trainer import Task, Trainer, TrainerConfig
from vocoder.config import Config
from vocoder.mel import mel_spec
from vocoder.models import Student, StudentConfig
from vocoder.models.student import Conditions

LISTEN_SECONDS = 2.0
"""Of a held-out recording, spoken at each evaluation."""


class LossConfig(Config):
    mel_weight: float = Field(default=1.0, ge=0)
    linear_weight: float = Field(default=1.0, ge=0)
    repulsion: float = Field(
        default=1.0, ge=0, le=1, description="1: generalized energy distance, 0: plain distance"
    )


class StudentRecipe(Recipe):
    """Everything that decides the trained student."""

    model: StudentConfig = StudentConfig()
    pitch_segments: SegmentConfig = SegmentConfig(batch=16, frames=128, speed=0.2)
    pitch: TrainerConfig | None = None
    segments: SegmentConfig = SegmentConfig()
    loss: LossConfig = LossConfig()
    filters: TrainerConfig
    begin_with: Path | None = Field(
        default=None, description="a checkpoint whose weights the run begins with"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "StudentRecipe":
        if self.pitch is None and self.begin_with is None:
            raise ValueError(
                "pitch: give its steps, or begin_with a checkpoint whose pitch reader has learned"
            )
        check_frames(self.segments, self.dialect, window=LONGEST_WINDOW)
        return self


class FilterTask(Task):
    """Noise and pulses through the filters, compared with the recording's spectra."""

    def __init__(
        self,
        student: Student,
        segments: Segments,
        held_out: Batch,
        loss: LossConfig,
        seed: int,
        speech: Float[Tensor, "sample"] | None = None,
    ) -> None:
        self.student, self.model, self.segments, self.seed = student, student.filters, segments, seed
        self.held_out, self.repulsion, self.speech = held_out, loss.repulsion, speech
        self.distance = SpectralDistance(
            student.mel_spec, mel_weight=loss.mel_weight, linear_weight=loss.linear_weight
        )

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        generator = step_generator(self.seed, step, self.device)
        batch = self.segments.batch(self.seed, step).to(self.device)
        return self._distance(batch, self.repulsion, generator), {}

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        generator, held_out = torch.Generator(self.device).manual_seed(0), self.held_out.to(self.device)
        plain = self._distance(held_out, 0.0, generator)
        score = self._distance(held_out, 1.0, generator)
        return {"valid_distance": plain.item(), "valid_energy_distance": score.item()}

    def listen(self) -> Listening | None:
        return None if self.speech is None else speak(self.student, self.speech)

    def to(self, device: torch.device) -> None:
        self.student.to(device)
        self.distance.to(device)

    def _distance(self, batch: Batch, repulsion: float, generator: torch.Generator) -> Tensor:
        conditions = self.student.draw_conditions(batch.mel, generator)
        count = 1 if repulsion == 0 else 2
        samples = [self._speak(conditions, batch.audio, generator) for _ in range(count)]
        warm = WARM_HOPS * self.student.mel_spec.hop_length
        return energy_distance(
            self.distance, [s[:, warm:] for s in samples], batch.audio[:, warm:], repulsion
        )

    def _speak(
        self, conditions: Conditions, like: Tensor, generator: torch.Generator
    ) -> Float[Tensor, "batch sample"]:
        noise = torch.randn(like.shape, generator=generator, device=like.device)
        return self.student.render(noise, conditions)[0]


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
    if recipe.begin_with is not None:
        begin_with(student, recipe.begin_with)
    recordings = find_recordings(recipe.data)
    data_hash = manifest_hash(recordings)
    claim_folder(folder, recipe, data_hash)
    pitch_range = None if recipe.pitch is None else (student.pitch.low, student.pitch.high)
    clips = usable_clips(recordings, recipe.data, student.sample_rate, pitch_range, progress=progress)

    stages = {}
    if recipe.pitch is not None:
        stages["pitch"] = _read_pitch(recipe, recipe.pitch, student, clips, folder)
        if not stages["pitch"].run(max_minutes=_left(max_minutes, begun), progress=progress):
            return None
        stages["pitch"].use_average()
    student.pitch.requires_grad_(False)
    stages["filters"] = _shape_filters(recipe, student, clips, folder)
    if not stages["filters"].run(max_minutes=_left(max_minutes, begun), progress=progress):
        return None
    stages["filters"].use_average()
    path = folder / f"{recipe.name}.safetensors"
    record = training_record(recipe, clips, data_hash, student.sample_rate, stages)
    return save_voice(path, student, recipe, record)


def _left(max_minutes: float | None, begun: float) -> float | None:
    return None if max_minutes is None else max_minutes - (time.monotonic() - begun) / 60


def _read_pitch(
    recipe: StudentRecipe, loop: TrainerConfig, student: Student, clips: list[Clip], folder: Path
) -> Trainer:
    left, right = student.pitch.network.left_context, student.pitch.network.right_context
    segments, held_out = cut_segments(
        clips, student.mel_spec, recipe.data, recipe.pitch_segments, left=left, right=right
    )
    task = PitchTask(student.pitch, segments, held_out, loop.seed)
    return Trainer(task, loop, folder / "pitch")


def _shape_filters(recipe: StudentRecipe, student: Student, clips: list[Clip], folder: Path) -> Trainer:
    left, right = student.left_context, student.lookahead_frames
    segments, held_out = cut_segments(
        clips, student.mel_spec, recipe.data, recipe.segments, left=left, right=right
    )
    speech = held_out_speech(clips, recipe.data, student.mel_spec, LISTEN_SECONDS)
    task = FilterTask(student, segments, held_out, recipe.loss, recipe.filters.seed, speech)
    return Trainer(task, recipe.filters, folder / "filters")
