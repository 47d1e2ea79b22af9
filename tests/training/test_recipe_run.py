"""A run's folder knows the checkpoints that it was begun with; what is listened to is held out."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.data.manifests import DataConfig
from training.data.segments import Clip
from training.recipes.distillation import DistillationRecipe
from training.recipes.run import claim_folder, held_out_speech
from vocoder.config import parse_config
from vocoder.errors import CheckpointError, ConfigError
from vocoder.mel import DIALECTS

SPEC = DIALECTS["nvidia"]
UPSAMPLER = {"form": "linear", "scales": [256]}
MODEL = {"kind": "parallel-wavenet", "upsampler": UPSAMPLER, "flows": [{"layers": 2}]}
NAMED = {"begin_with": "first.safetensors", "classifier": "phones.bin", "teacher": "voices/wise.safetensors"}


def recipe_of(root: Path, **changes: Any) -> DistillationRecipe:
    values = {
        "name": "tiny",
        "model": MODEL,
        "loss": {"perceptual": 1.0},
        "data": {"root": root, "sources": [{"folder": ".", "list": "list.txt"}]},
        "flow": {"steps": 1},
        **{field: root / name for field, name in NAMED.items()},
    }
    return parse_config(DistillationRecipe, values | changes, "tiny")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Of the files that a recipe names; what they hold is not read, it is only told apart."""
    root = tmp_path / "root"
    for name in NAMED.values():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"weights of {name}")
    return root


@pytest.mark.parametrize("field", NAMED)
def test_a_checkpoint_that_was_replaced_is_refused(root: Path, tmp_path: Path, field: str) -> None:
    """And taken again when the old one is back."""
    recipe, file = recipe_of(root), root / NAMED[field]
    claim_folder(tmp_path / "run", recipe, "abc")
    before = file.read_bytes()
    file.write_text("other weights")
    with pytest.raises(
        ConfigError, match=rf"^{field}: .* has changed since the run began: put the old .* with --output"
    ):
        claim_folder(tmp_path / "run", recipe, "abc")
    file.write_bytes(before)
    claim_folder(tmp_path / "run", recipe, "abc")


def test_an_installed_voice_that_was_replaced_is_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOCODER_VOICES", str(root / "voices"))
    recipe = recipe_of(root, teacher="wise")
    claim_folder(tmp_path / "run", recipe, "abc")
    (root / NAMED["teacher"]).write_text("wiser")
    with pytest.raises(ConfigError, match=r"^teacher: wise has changed"):
        claim_folder(tmp_path / "run", recipe, "abc")


def test_a_run_and_its_checkpoints_may_move(root: Path, tmp_path: Path) -> None:
    claim_folder(tmp_path / "run", recipe_of(root), "abc")
    shutil.move(tmp_path / "run", tmp_path / "elsewhere")
    shutil.move(root, tmp_path / "another root")
    claim_folder(tmp_path / "elsewhere", recipe_of(tmp_path / "another root"), "abc")


def test_a_checkpoint_that_comes_or_goes_is_refused(root: Path, tmp_path: Path) -> None:
    claim_folder(tmp_path / "with", recipe_of(root), "abc")
    with pytest.raises(ConfigError, match=r"^begin_with: the run began with a checkpoint, .* name that one"):
        claim_folder(tmp_path / "with", recipe_of(root, begin_with=None), "abc")
    claim_folder(tmp_path / "without", recipe_of(root, begin_with=None), "abc")
    with pytest.raises(ConfigError, match=r"^begin_with: the run began without, .* leave it out"):
        claim_folder(tmp_path / "without", recipe_of(root), "abc")


def test_a_run_of_before_that_noted_none_goes_on_and_notes_them(root: Path, tmp_path: Path) -> None:
    recipe, note = recipe_of(root), tmp_path / "run" / "recipe.json"
    claim_folder(tmp_path / "run", recipe, "abc")
    noted = json.loads(note.read_text())
    assert noted.pop("files").keys() == NAMED.keys()
    note.write_text(json.dumps(noted))
    claim_folder(tmp_path / "run", recipe, "abc")
    assert json.loads(note.read_text())["files"].keys() == NAMED.keys()


def test_a_checkpoint_that_is_not_there_is_named(root: Path, tmp_path: Path) -> None:
    (root / NAMED["classifier"]).unlink()
    with pytest.raises(CheckpointError, match=r"^classifier: cannot read .*phones\.bin: No such file"):
        claim_folder(tmp_path / "run", recipe_of(root), "abc")


def test_what_is_listened_to_is_of_a_speaker_who_is_held_out() -> None:
    clips = [
        Clip("ben" if i == 40 else "anna", np.full(SPEC.sample_rate, i, np.int16), name=str(i))
        for i in range(81)
    ]
    data = DataConfig(root=Path(), sources=[{"folder": "a", "list": "b"}], held_out_speakers=["ben"])
    speech = held_out_speech(clips, data, SPEC, 0.5)
    assert len(speech) == SPEC.sample_rate // 2
    assert (speech == 40 / 32767).all()
    of_all = data.model_copy(update={"held_out_speakers": []})
    assert (held_out_speech(clips, of_all, SPEC, 0.5) == 0).all()
    assert held_out_speech(clips, data, SPEC, 0.0) is None
