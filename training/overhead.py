"""What the loop costs beside the bare step: `python -m training.overhead`.

The teacher for few cores on noise; blocks of steps of the loop (clipping, average, log, checkpoints) and of
bare ones (loss, backward, optimizer) in turns, by CPU seconds, so that other work on the machine hardly
matters.
"""

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from training.data.manifests import DataConfig, Source
from training.data.segments import Clip, SegmentConfig
from training.recipes.run import cut_segments
from training.recipes.teacher import LikelihoodTask
from training.trainer import Trainer, TrainerConfig
from vocoder.config import read_config
from vocoder.evaluation.report import machine
from vocoder.mel import mel_spec
from vocoder.models import Teacher, TeacherConfig

CONFIG = Path(__file__).parent.parent / "configs" / "model" / "teacher" / "cpu.yaml"
BLOCK, BLOCKS, SAVE_EVERY = 25, 8, 500


def measure() -> dict[str, Any]:
    """CPU seconds a step of both, medians over the blocks, and the share that the loop adds."""
    torch.manual_seed(0)
    task = _task()
    with TemporaryDirectory() as folder:
        config = TrainerConfig(steps=10**9, save_every=10**9, tensorboard=False)
        loop = Trainer(task, config, Path(folder))
        bare = torch.optim.AdamW(loop.parameters.values(), 1e-4)

        def looped() -> None:
            loop._keep(loop._train_step())

        def unlooped() -> None:
            bare.zero_grad(set_to_none=True)
            task.loss(loop.step)[0].backward()
            bare.step()

        _seconds(looped), _seconds(unlooped)
        turns = [(_seconds(looped), _seconds(unlooped)) for _ in range(BLOCKS)]
        begun = time.process_time()
        loop.save()
        save = (time.process_time() - begun) / SAVE_EVERY
    own, least = (statistics.median(column) for column in zip(*turns, strict=True))
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "loop_cpu_seconds_a_step": own + save,
        "bare_cpu_seconds_a_step": least,
        "overhead": (own + save) / least - 1,
        "data_wait": loop.data_wait,
    }


def _seconds(step: Callable[[], None]) -> float:
    begun = time.process_time()
    for _ in range(BLOCK):
        step()
    return (time.process_time() - begun) / BLOCK


def _task() -> LikelihoodTask:
    spec = mel_spec("nvidia")
    teacher = Teacher(read_config(TeacherConfig, CONFIG), spec)
    teacher.pitch.requires_grad_(False)
    rng = np.random.default_rng(0)
    clips = [Clip("noise", rng.integers(-3000, 3000, 400_000).astype(np.int16)) for _ in range(2)]
    data = DataConfig(root=Path(), sources=[Source(folder=".", list="none")])
    around = {"left": teacher.left_context, "right": teacher.lookahead_frames}
    segments, held_out = cut_segments(clips, spec, data, SegmentConfig(batch=2, frames=32), **around)
    return LikelihoodTask(teacher, segments, held_out, seed=0)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
