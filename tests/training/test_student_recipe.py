"""The whole way on two short recordings: train, stop, resume, refuse another recipe, write the page."""

import shutil
from pathlib import Path

import pytest
import torch

from training.recipes.student import StudentRecipe, train_student
from training.voices_page import write_page
from vocoder.checkpoints import load, read_info
from vocoder.config import parse_config
from vocoder.errors import ConfigError

pytest.importorskip("pyworld", reason="tracking F0 needs the train extra")
CLIPS = Path(__file__).parent.parent / "data"


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> StudentRecipe:
    root = tmp_path_factory.mktemp("recordings")
    names = [Path(shutil.copy(path, root)).name for path in sorted(CLIPS.glob("*.flac"))]
    (root / "list.txt").write_text("\n".join(names))
    small = {"hidden": 8, "layers": 2, "lookahead": 1}
    segments = {"batch": 2, "frames": 16}
    loop = {"steps": 4, "log_every": 1, "evaluate_every": 2, "save_every": 2}
    values = {
        "name": "tiny",
        "model": {"pitch": small, "filters": small, "num_bands": 8, "num_taps": 64, "noise_cepstrum": 32},
        "data": {"root": root, "sources": [{"folder": ".", "list": "list.txt"}], "cache": root / "cache"},
        "pitch_segments": segments,
        "segments": segments,
        "pitch": loop,
        "filters": loop,
    }
    return parse_config(StudentRecipe, values, "tiny")


def test_from_recordings_to_a_published_voice(
    recipe: StudentRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    assert train_student(recipe, folder, max_minutes=0.0, progress=False) is None
    path = train_student(recipe, folder, progress=False)
    assert path is not None
    info = read_info(path)
    assert info.training["steps"] == {"pitch": 4, "filters": 4}
    assert [line["step"] for line in info.training["curves"]["filters"]] == [2, 4]
    assert load(path).synthesize(load(path).mel_spec.floor_value + _ramp()).isfinite().all()

    other = recipe.model_copy(update={"description": "another"})
    with pytest.raises(ConfigError, match="begun with another recipe"):
        train_student(other, folder, progress=False)

    monkeypatch.setenv("VOCODER_VOICES", str(tmp_path))
    (tmp_path / path.name).write_bytes(path.read_bytes())
    write_page(tmp_path / "voices.md")
    page = (tmp_path / "voices.md").read_text()
    assert "## tiny" in page
    assert info.training["data_hash"] in page
    assert (tmp_path / "voices" / "tiny.png").exists()


def _ramp() -> torch.Tensor:
    return torch.linspace(0, 6, 12).expand(80, 12)


def test_filters_go_on_from_a_voice_whose_pitch_reader_stays(recipe: StudentRecipe, tmp_path: Path) -> None:
    first = train_student(recipe, tmp_path / "first", progress=False)
    again = recipe.model_copy(update={"pitch": None, "begin_with": first})
    second = train_student(again, tmp_path / "second", progress=False)
    before, after = (load(path).state_dict() for path in (first, second))
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert same >= {name for name in before if name.startswith("pitch.")}
    assert not same & {name for name in before if name.startswith("filters.") and name.endswith("weight")}
    record = read_info(second).training
    assert record["steps"] == {"filters": 4}
    assert record["began_with"]["name"] == "tiny"


def test_segments_shorter_than_the_longest_window_are_refused(recipe: StudentRecipe) -> None:
    values = recipe.model_dump()
    values["segments"] = values["segments"] | {"frames": 9}
    with pytest.raises(ConfigError, match="over 2048 samples are taken after the first 2: give 10 or more"):
        parse_config(StudentRecipe, values, "tiny")


def test_a_pitch_reader_must_come_from_somewhere(recipe: StudentRecipe) -> None:
    with pytest.raises(ConfigError, match="pitch: give its steps, or begin_with"):
        parse_config(StudentRecipe, recipe.model_dump() | {"pitch": None}, "tiny")
