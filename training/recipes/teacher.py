"""The teacher by maximum likelihood: the pitch reader, then the whole flow, one parallel pass a step."""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import torch
from jaxtyping import Float
from pydantic import Discriminator, Field, Tag, model_validator
from torch import Tensor

from training.data.manifests import find_recordings, manifest_hash
from training.data.segments import Batch, Clip, SegmentConfig, Segments
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
    take_pitch,
    training_record,
    usable_clips,
)
from training.run_log import Listening
from training.trainer import Task, Trainer, TrainerConfig
from vocoder.mel import mel_spec
from vocoder.models import MODELS, Teacher, TeacherConfig, WaveNetVocoderConfig
from vocoder.models.autoregressive import PCM16, AutoregressiveVocoder


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return value.get("kind", "teacher")
    return getattr(value, "kind", "")


TeacherChoice = Annotated[
    Annotated[TeacherConfig, Tag("teacher")] | Annotated[WaveNetVocoderConfig, Tag("wavenet")],
    Discriminator(_kind),
]
"""Two tiers, or once a sample: by `kind`."""


class TeacherRecipe(Recipe):
    """Everything that decides the trained teacher; `pitch` is for the model in two tiers, which reads it."""

    model: TeacherChoice = TeacherConfig()
    pitch_segments: SegmentConfig = SegmentConfig(batch=16, frames=128, speed=0.2)
    pitch: TrainerConfig | None = None
    pitch_from: Path | None = Field(
        default=None, description="a voice whose pitch reader becomes the model's, as it is, instead"
    )
    segments: SegmentConfig = SegmentConfig(batch=2, frames=32)
    flow: TrainerConfig
    begin_with: Path | None = Field(
        default=None, description="a checkpoint whose weights the run begins with"
    )
    listen_seconds: float = Field(
        default=2.0, ge=0, description="of a held-out recording, spoken at each evaluation"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "TeacherRecipe":
        reads_pitch = isinstance(self.model, TeacherConfig)
        if self.pitch is not None and not reads_pitch:
            raise ValueError("pitch: only a model of kind teacher reads the pitch")
        if self.pitch_from is not None and (self.pitch is not None or not reads_pitch):
            raise ValueError("pitch_from: only for a model of kind teacher, and without steps of pitch")
        if self.pitch is None and reads_pitch and self.begin_with is None and self.pitch_from is None:
            raise ValueError(
                "pitch: give its steps, or begin_with a checkpoint whose pitch reader has learned"
            )
        check_frames(self.segments, self.dialect)
        return self


class LikelihoodTask(Task):
    """Bits a sample: the exact probability of 16-bit samples, those at the start of a segment apart."""

    def __init__(
        self,
        teacher: AutoregressiveVocoder,
        segments: Segments,
        held_out: Batch,
        seed: int,
        speech: Float[Tensor, "sample"] | None = None,
    ) -> None:
        self.model = self.teacher = teacher
        self.segments, self.held_out, self.seed, self.speech = segments, held_out, seed, speech
        self.warm = WARM_HOPS * teacher.mel_spec.hop_length

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        batch = self.segments.batch(self.seed, step).to(self.device)
        return self._bits(batch.audio, batch.mel), {}

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Bits a sample under the right mel, and under another's: the difference is what the mel tells."""
        held_out = self.held_out.to(self.device)
        audio, mel = held_out.audio, held_out.mel
        bits, shuffled = self._bits(audio, mel).item(), self._bits(audio, mel.roll(1, dims=0)).item()
        return {"valid_bits": bits, "valid_bits_shuffled_mel": shuffled}

    def listen(self) -> Listening | None:
        return None if self.speech is None else speak(self.teacher, self.speech)

    def _bits(self, audio: Tensor, mel: Tensor) -> Tensor:
        rounded = PCM16.centre(PCM16.index(audio))
        with torch.autocast(self.device.type, enabled=False):  # a pitch period must be right to the sample
            conditions = self.teacher.conditions(mel)
        log_likelihood = self.teacher.log_likelihood(rounded, conditions)
        return -log_likelihood[:, self.warm :].mean() / math.log(2)


def train_teacher(
    recipe: TeacherRecipe, folder: Path, *, max_minutes: float | None = None, progress: bool = True
) -> Path | None:
    """Train, or go on training, into `folder`; returns the voice's path when the last step is reached.

    Raises:
        ConfigError: recordings missing or too few, or a folder begun with another recipe or other data.
        TrainingDiverged: a loss or a gradient that is not finite.
    """
    deadline = math.inf if max_minutes is None else time.monotonic() + 60 * max_minutes
    torch.manual_seed(recipe.flow.seed)
    spec = mel_spec(recipe.dialect)
    teacher: Any = MODELS[recipe.model.kind][0](recipe.model, spec)
    if recipe.begin_with is not None:
        begin_with(teacher, recipe.begin_with)
    if recipe.pitch_from is not None:
        take_pitch(teacher.pitch, recipe.pitch_from)
    recordings = find_recordings(recipe.data)
    data_hash = manifest_hash(recordings)
    claim_folder(folder, recipe, data_hash)
    pitch_range = None if recipe.pitch is None else (teacher.pitch.low, teacher.pitch.high)
    clips = usable_clips(recordings, recipe.data, spec.sample_rate, pitch_range, progress=progress)
    stages = {}
    for name, stage in _stages(recipe, teacher, clips, folder):
        if not stage.run(max_minutes=(deadline - time.monotonic()) / 60, progress=progress):
            return None
        stage.use_average()
        stages[name] = stage
    path = folder / f"{recipe.name}.safetensors"
    record = training_record(recipe, clips, data_hash, spec.sample_rate, stages)
    return save_voice(path, teacher, recipe, record)


def _stages(
    recipe: TeacherRecipe, teacher: AutoregressiveVocoder, clips: list[Clip], folder: Path
) -> Iterator[tuple[str, Trainer]]:
    """What is trained, one after the other: the pitch reader where there is one, then the flow."""
    spec = teacher.mel_spec
    if recipe.pitch is not None and isinstance(teacher, Teacher):
        reach, config = teacher.pitch.network, recipe.pitch_segments
        around = {"left": reach.left_context, "right": reach.right_context}
        frames, held_out = cut_segments(clips, spec, recipe.data, config, **around)
        task = PitchTask(teacher.pitch, frames, held_out, recipe.pitch.seed)
        yield "pitch", Trainer(task, recipe.pitch, folder / "pitch")
    if isinstance(teacher, Teacher):
        teacher.pitch.requires_grad_(False)
    around = {"left": teacher.left_context, "right": teacher.lookahead_frames}
    segments, held_out = cut_segments(clips, spec, recipe.data, recipe.segments, **around)
    speech = held_out_speech(clips, recipe.data, spec, recipe.listen_seconds)
    likelihood = LikelihoodTask(teacher, segments, held_out, recipe.flow.seed, speech)
    yield "flow", Trainer(likelihood, recipe.flow, folder / "flow")
