"""The teacher's task in the loop: exact resume, bfloat16, what is heard, what TensorBoard gets."""

import builtins
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from training.data.manifests import DataConfig, Source
from training.data.pitch import PitchTrack
from training.data.segments import Clip, SegmentConfig
from training.recipes.run import cut_segments, held_out_speech
from training.recipes.teacher import LikelihoodTask
from training.schedule import OptimizerConfig
from training.trainer import Trainer, TrainerConfig
from vocoder.audio import read
from vocoder.checkpoints import load
from vocoder.models import Teacher

DATA = Path(__file__).parent.parent / "data"
CONFIG = TrainerConfig(
    steps=6, optimizer=OptimizerConfig(lr=3e-3, warmup=2), log_every=1, evaluate_every=3, save_every=2
)


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    def clip(path: Path) -> Clip:
        audio = np.rint(read(path)[0].numpy() * 32767).astype(np.int16)
        return Clip("ljspeech", audio, PitchTrack(np.full(400, 200.0, np.float32), np.ones(400, np.bool_)))

    return [clip(path) for path in sorted(DATA.glob("*.flac"))]


@pytest.fixture
def task(teacher_file: Path, clips: list[Clip]):
    """A task whose model has been trained by none, made anew for each call."""

    def make(seconds: float = 0.2) -> LikelihoodTask:
        data = DataConfig(root=DATA, sources=[Source(folder=".", list="none")])
        teacher = load(str(teacher_file)).requires_grad_(True).train()
        assert isinstance(teacher, Teacher)
        teacher.pitch.requires_grad_(False)
        segments, held_out = cut_segments(
            clips,
            teacher.mel_spec,
            data,
            SegmentConfig(batch=2, frames=8),
            left=teacher.left_context,
            right=teacher.lookahead_frames,
        )
        speech = held_out_speech(clips, data, teacher.mel_spec, seconds)
        return LikelihoodTask(teacher, segments, held_out, 0, speech)

    return make


def losses(folder: Path) -> list[float]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


def test_a_stopped_run_goes_on_exactly(task, tmp_path: Path) -> None:
    assert Trainer(task(), CONFIG, tmp_path / "whole").run(progress=False)
    first = Trainer(task(), CONFIG, tmp_path / "parts")
    for _ in range(4):
        first._log(first._train_step())
    first.save()
    second = Trainer(task(), CONFIG, tmp_path / "parts")
    assert second.run(progress=False)
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")


def test_bfloat16_is_near_float32(task, tmp_path: Path) -> None:
    """To half a percent in the first step, of random weights; the two runs stay together."""
    made = {}
    for precision in ("float32", "bf16"):
        config = CONFIG.model_copy(update={"precision": precision, "tensorboard": False})
        trainer = Trainer(task(), config, tmp_path / precision)
        terms = [trainer._train_step() for _ in range(6)]
        assert all(np.isfinite(step["gradient"]) for step in terms)
        assert all(value.dtype == torch.float32 for value in trainer.average.values())
        made[precision] = [step["loss"] for step in terms]
    assert made["bf16"] != made["float32"]
    assert made["bf16"][0] == pytest.approx(made["float32"][0], rel=5e-3)
    assert made["bf16"][-1] == pytest.approx(made["float32"][-1], rel=1e-2)


def test_what_is_heard_is_the_held_out_clip_in_the_averaged_weights(task, tmp_path: Path) -> None:
    trainer = Trainer(task(), CONFIG, tmp_path)
    for _ in range(3):
        trainer._train_step()
    with trainer.averaged_weights():
        heard = trainer.task.listen()
    own = trainer.task.listen()
    assert heard.recording.shape == heard.sample.shape == (round(0.2 * 22050),)
    assert not torch.equal(heard.sample, own.sample)
    trainer.use_average()
    trainer.task.model.eval()
    assert torch.allclose(trainer.task.listen().sample, heard.sample, atol=1e-5)


def test_tensorboard_gets_terms_figures_sound_and_pictures(task, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the train extra")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trainer = Trainer(task(), CONFIG, tmp_path)
    trainer.run(progress=False)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    tags = events.Tags()
    assert {"training/loss", "training/lr", "held out/bits", "held out/bits_shuffled_mel"} <= {
        *tags["scalars"]
    }
    assert sorted(tags["audio"]) == ["recording", "sample"]
    assert [event.step for event in events.Images("spectrograms")] == [3, 6]
    assert [event.value for event in events.Scalars("training/loss")] == pytest.approx(losses(tmp_path))


def test_without_tensorboard_the_log_goes_on(task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *arguments, **options):
        if name.startswith(("tensorboard", "torch.utils.tensorboard")):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    assert Trainer(task(), CONFIG, tmp_path).run(progress=False)
    assert len(losses(tmp_path)) == 6
    assert not (tmp_path / "tensorboard").exists()
    heard = sorted(path.name for path in (tmp_path / "samples").iterdir())
    assert heard == ["00000003.flac", "00000006.flac", "recording.flac"]


def test_no_seconds_are_silent(task) -> None:
    assert task(0.0).listen() is None
