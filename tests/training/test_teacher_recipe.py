"""The teacher on two short recordings: train, stop, resume as if never stopped, probe the mel, save."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from training.data.manifests import find_recordings
from training.data.segments import Batch, Clip, Segments, load_clips
from training.recipes import teacher
from training.recipes.teacher import LikelihoodTask, TeacherRecipe, train_teacher
from vocoder.checkpoints import load, load_checkpoint, read_info
from vocoder.config import parse_config
from vocoder.errors import ConfigError
from vocoder.mel import DIALECTS
from vocoder.models import MODELS

pytest.importorskip("pyworld", reason="tracking F0 needs the train extra")
CLIPS = Path(__file__).parent.parent / "data"
SMALL = {"hidden": 6, "layers": 2, "lookahead": 1}
TIERS = {"group": 16, "layers": 2, "residual_channels": 8, "skip_channels": 8, "head_channels": 4}
STACK = {"layers": 3, "residual_channels": 8, "gate_channels": 8, "skip_channels": 8, "head_channels": 8}
MODELS_HERE = {
    "teacher": {
        "pitch": SMALL,
        "conditioning": SMALL,
        "whitening": {**SMALL, "num_bands": 8, "num_taps": 32, "num_cepstrum": 16},
        "context_channels": 8,
        "wavenet": TIERS,
    },
    "wavenet": {"kind": "wavenet", "wavenet": STACK, "output": {"components": 3}},
}
EVERY_KIND = pytest.mark.parametrize("kind", MODELS_HERE)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("recordings")
    names = [Path(shutil.copy(path, root)).name for path in sorted(CLIPS.glob("*.flac"))]
    (root / "list.txt").write_text("\n".join(names))
    return root


@pytest.fixture(scope="module")
def clips(recordings: Path) -> list[Clip]:
    data = recipe_of("wavenet", recordings).data
    return load_clips(find_recordings(data), data, DIALECTS["nvidia"].sample_rate, (50.0, 600.0))


@pytest.fixture
def loaded(clips: list[Clip], monkeypatch: pytest.MonkeyPatch) -> None:
    """The recordings are read once for all runs."""
    monkeypatch.setattr(teacher, "usable_clips", lambda *_, **__: clips)


def recipe_of(kind: str, root: Path, **changes: Any) -> TeacherRecipe:
    loop = {"steps": 4, "log_every": 1, "evaluate_every": 2, "save_every": 2}
    values = {
        "name": "tiny",
        "model": MODELS_HERE[kind],
        "data": {"root": root, "sources": [{"folder": ".", "list": "list.txt"}], "cache": root / "cache"},
        "pitch_segments": {"batch": 2, "frames": 16},
        "segments": {"batch": 2, "frames": 8},
        "flow": loop,
        "listen_seconds": 0.0,
    }
    if kind == "teacher":
        values["pitch"] = loop
    return parse_config(TeacherRecipe, values | changes, "tiny")


def log_of(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "flow" / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "cpu_seconds"} for line in lines]


@EVERY_KIND
@pytest.mark.usefixtures("loaded")
def test_a_run_that_was_stopped_is_the_one_that_was_not(kind, recordings, tmp_path, monkeypatch):
    recipe = recipe_of(kind, recordings)
    path = train_teacher(recipe, tmp_path / "whole", progress=False)
    assert path is not None

    loss = LikelihoodTask.loss

    def killed_in_the_third_step(task: LikelihoodTask, step: int):
        if step == 3:
            raise KeyboardInterrupt
        return loss(task, step)

    with monkeypatch.context() as patch:
        patch.setattr(LikelihoodTask, "loss", killed_in_the_third_step)
        with pytest.raises(KeyboardInterrupt):
            train_teacher(recipe, tmp_path / "halves", progress=False)
    again = train_teacher(recipe, tmp_path / "halves", progress=False)
    assert log_of(tmp_path / "halves") == log_of(tmp_path / "whole")

    info = read_info(path)
    assert info.training["steps"]["flow"] == 4
    probes = [line for line in info.training["curves"]["flow"] if "valid_bits_shuffled_mel" in line]
    assert [line["step"] for line in probes] == [2, 4]
    mel = torch.linspace(-11, -2, 4).expand(80, 4)
    assert torch.equal(load(path).synthesize(mel), load(again).synthesize(mel))


@pytest.mark.usefixtures("loaded")
def test_the_pitch_may_be_another_voices(recordings, tmp_path):
    other = train_teacher(recipe_of("teacher", recordings), tmp_path / "other", progress=False)
    recipe = recipe_of("teacher", recordings, pitch=None, pitch_from=other)
    path = train_teacher(recipe, tmp_path / "run", progress=False)
    own, others = (load_checkpoint(each).pitch.state_dict() for each in (path, other))
    assert all(torch.equal(own[name], others[name]) for name in others)
    record = read_info(path).training
    assert list(record["steps"]) == ["flow"]
    assert record["pitch_from"]["name"] == "tiny"
    wavenet = train_teacher(recipe_of("wavenet", recordings), tmp_path / "wavenet", progress=False)
    with pytest.raises(ConfigError, match="a wavenet that reads no pitch"):
        train_teacher(recipe.model_copy(update={"pitch_from": wavenet}), tmp_path / "x", progress=False)
    wider = {**MODELS_HERE["teacher"], "pitch": SMALL | {"hidden": 7}}
    with pytest.raises(ConfigError, match=r"pitch_from: .* has other sizes than model.pitch"):
        train_teacher(
            recipe_of("teacher", recordings, pitch=None, pitch_from=other, model=wider),
            tmp_path / "y",
            progress=False,
        )


@pytest.mark.usefixtures("loaded")
def test_nothing_is_done_when_there_is_no_time(recordings, tmp_path):
    assert train_teacher(recipe_of("wavenet", recordings), tmp_path, max_minutes=0.0, progress=False) is None
    assert not (tmp_path / "tiny.safetensors").exists()


def test_the_probe_tells_whether_the_mel_is_used():
    """A model whose context is cut off scores the same under every mel; one that listens does not."""
    recipe = recipe_of("wavenet", Path())
    torch.manual_seed(0)
    model = MODELS["wavenet"][0](recipe.model, DIALECTS["nvidia"])
    torch.nn.init.normal_(model.wavenet.head[-1].weight, std=0.3)
    torch.nn.init.normal_(model.wavenet.head[1].weight, std=0.3)
    frames = 8 + model.left_context + model.lookahead_frames
    mel = torch.randn(2, 80, frames) * 2 - 5
    held_out = Batch(0.05 * torch.randn(2, 8 * 256), mel, torch.zeros(2, frames), torch.zeros(2, frames))
    around = {"left": model.left_context, "right": model.lookahead_frames}
    clip = Clip("one", np.zeros(9999, np.int16))
    segments = Segments([clip], model.mel_spec, recipe.segments, balance=1.0, **around)
    task = LikelihoodTask(model, segments, held_out, seed=0)
    figures = task.evaluate()
    assert abs(figures["valid_bits"] - figures["valid_bits_shuffled_mel"]) > 1e-4
    torch.nn.init.zeros_(model.wavenet.context.weight)
    figures = task.evaluate()
    assert figures["valid_bits"] == pytest.approx(figures["valid_bits_shuffled_mel"], abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("wavenet", {"pitch": {"steps": 1}}, "pitch: only a model of kind teacher"),
        ("teacher", {"pitch": None}, "pitch: give its steps, or begin_with"),
        ("teacher", {"pitch_from": "teacher"}, "pitch_from: only .* without steps of pitch"),
        ("wavenet", {"pitch_from": "teacher"}, "pitch_from: only for a model of kind teacher"),
        ("wavenet", {"model": {"kind": "wavenet", "grup": 1}}, "model.grup is not a known key"),
        ("wavenet", {"model": {"kind": "flow"}}, "'teacher', 'wavenet'"),
        ("wavenet", {"segments": {"frames": 2}}, r"segments.frames: 2 frames are too few .* give 3 or more"),
        ("wavenet", {"segments": {"frames": 9, "held_out_frames": 1}}, "segments.held_out_frames: 1 frames"),
    ],
)
def test_a_recipe_that_contradicts_itself_is_refused(kind, changes, message):
    with pytest.raises(ConfigError, match=message):
        recipe_of(kind, Path(), **changes)
