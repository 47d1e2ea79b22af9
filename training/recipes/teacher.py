"""The teacher by maximum likelihood: the pitch reader, then the whole flow, one parallel pass a step."""

import math
import time
from pathlib import Path

import torch
from torch import Tensor

from training.data.manifests import find_recordings, manifest_hash
from training.data.segments import Batch, SegmentConfig, Segments, load_clips
from training.recipes.pitch import PitchTask
from training.recipes.run import Recipe, claim_folder, cut_segments, training_record
from training.trainer import Task, Trainer, TrainerConfig
from vocoder.checkpoints import save_checkpoint
from vocoder.errors import ConfigError
from vocoder.mel import mel_spec
from vocoder.models import Teacher, TeacherConfig
from vocoder.models.teacher import PCM16


class TeacherRecipe(Recipe):
    """Everything that decides the trained teacher."""

    model: TeacherConfig = TeacherConfig()
    pitch_segments: SegmentConfig = SegmentConfig(batch=16, frames=128, speed=0.2)
    pitch: TrainerConfig
    segments: SegmentConfig = SegmentConfig(batch=2, frames=32)
    flow: TrainerConfig


class LikelihoodTask(Task):
    """Bits a sample: the exact probability of 16-bit samples, those at the start of a segment apart."""

    def __init__(self, teacher: Teacher, segments: Segments, held_out: Batch, seed: int) -> None:
        self.model = self.teacher = teacher
        self.segments, self.held_out, self.seed = segments, held_out, seed
        self.warm = 2 * teacher.mel_spec.hop_length  # the flow begins there without its past: not counted

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        batch = self.segments.batch(self.seed, step)
        return self._bits(batch.audio, batch.mel), {}

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Bits a sample under the right mel, and under another's: the difference is what the mel tells."""
        audio, mel = self.held_out.audio, self.held_out.mel
        bits, shuffled = self._bits(audio, mel).item(), self._bits(audio, mel.roll(1, dims=0)).item()
        return {"valid_bits": bits, "valid_bits_shuffled_mel": shuffled}

    def _bits(self, audio: Tensor, mel: Tensor) -> Tensor:
        rounded = PCM16.centre(PCM16.index(audio))
        log_likelihood = self.teacher.log_likelihood(rounded, self.teacher.conditions(mel))
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
    teacher = Teacher(recipe.model, mel_spec(recipe.dialect))
    recordings = find_recordings(recipe.data)
    data_hash = manifest_hash(recordings)
    claim_folder(folder, recipe, data_hash)
    spec, pitch = teacher.mel_spec, teacher.pitch
    clips = load_clips(recordings, recipe.data, spec.sample_rate, pitch.low, pitch.high, progress=progress)
    if len(clips) < 2:
        raise ConfigError(
            f"data: {len(clips)} usable recordings are too few; one is held out, so give two or more"
        )
    reach = pitch.network
    frames, held_out = cut_segments(
        clips, spec, recipe.data, recipe.pitch_segments, left=reach.left_context, right=reach.right_context
    )
    reading = Trainer(PitchTask(pitch, frames, held_out, recipe.pitch.seed), recipe.pitch, folder / "pitch")
    if not reading.run(max_minutes=(deadline - time.monotonic()) / 60, progress=progress):
        return None
    reading.use_average()
    pitch.requires_grad_(False)

    segments, held_out = cut_segments(
        clips, spec, recipe.data, recipe.segments, left=teacher.left_context, right=teacher.lookahead_frames
    )
    task = LikelihoodTask(teacher, segments, held_out, recipe.flow.seed)
    learning = Trainer(task, recipe.flow, folder / "flow")
    if not learning.run(max_minutes=(deadline - time.monotonic()) / 60, progress=progress):
        return None
    learning.use_average()
    path = folder / f"{recipe.name}.safetensors"
    stages = {"pitch": reading, "flow": learning}
    record = training_record(recipe, clips, data_hash, spec.sample_rate, stages)
    save_checkpoint(path, teacher, description=recipe.description, training=record)
    return path
