"""The tasks of the shipped voices' recipes on a GPU: the losses of the CPU, and steps that can be taken."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from training.data.segments import Clip, SegmentConfig, Segments
from training.recipes.distillation import DistillationLossConfig, DistillationTask, load_teacher
from training.recipes.teacher import LikelihoodTask
from training.recipes.waveglow import DensityTask, SpectralConfig
from training.schedule import OptimizerConfig
from training.trainer import Task, Trainer, TrainerConfig
from vocoder.audio import read
from vocoder.checkpoints import load_checkpoint, voice_path
from vocoder.samples import SAMPLES

pytestmark = pytest.mark.gpu
STEPS = 5


def segments_of(model: Any, left: int, right: int) -> Segments:
    clips = [
        Clip("lj", np.rint(read(path)[0].numpy() * 32767).astype(np.int16), name=name)
        for name, path in SAMPLES.items()
    ]
    config = SegmentConfig(batch=4, frames=16, gain_db=0.0, speed=0.0)
    return Segments(clips, model.mel_spec, config, balance=0.0, left=left, right=right)


def teacher_task() -> Task:
    model: Any = load_checkpoint(voice_path("teacher")).requires_grad_(True)
    model.pitch.requires_grad_(False)
    segments = segments_of(model, model.left_context, model.lookahead_frames)
    return LikelihoodTask(model, segments, segments.batch(0, 0), 0)


def student_task() -> Task:
    model: Any = load_checkpoint(voice_path("student")).requires_grad_(True)
    model.pitch.requires_grad_(False)
    teacher, loss = load_teacher(Path("teacher")), DistillationLossConfig(divergence=0.3, draws=2)
    segments = segments_of(
        model,
        max(model.left_context, teacher.left_context),
        max(model.lookahead_frames, teacher.lookahead_frames),
    )
    return DistillationTask(model, teacher, segments, segments.batch(0, 0), loss, 0)


def waveglow_task() -> Task:
    model: Any = load_checkpoint(voice_path("waveglow")).requires_grad_(True)
    model.source.pitch.requires_grad_(False)
    segments = segments_of(model, model.left_context, model.right_context)
    spectral = SpectralConfig(alone=True, weight=10.0)
    return DensityTask(model, segments, segments.batch(0, 0), 0, spectral=spectral)


@pytest.mark.parametrize("precision", ["float32", "tf32"])
@pytest.mark.parametrize("make", [teacher_task, student_task, waveglow_task])
def test_a_gpu_has_the_losses_of_the_cpu_and_trains(make: Any, precision: str, tmp_path: Path) -> None:
    """Their draws differ, where a task draws: then the losses agree as well as two draws do."""
    config = TrainerConfig(steps=STEPS, log_every=1, evaluate_every=STEPS, tensorboard=False)
    config = config.model_copy(update={"optimizer": OptimizerConfig(lr=1e-4), "precision": precision})
    with torch.no_grad():
        here = make().loss(0)[0].item()
    task = make()
    trainer = Trainer(task, config.model_copy(update={"device": "cuda"}), tmp_path)
    with torch.no_grad(), trainer._precision():
        there = task.loss(0)[0].item()
    assert there == pytest.approx(here, rel=3e-3 if make is teacher_task else 0.2)
    assert trainer.run(progress=False)
    assert all(np.isfinite(line["loss"]) for line in trainer.log.read() if "loss" in line)
    assert trainer.gpu_seconds > 0
