"""What jobs know by name: each preset is a valid recipe, a change reaches its field, names stay names."""

import tomllib
from pathlib import Path

import pytest

from training.jobs import recipes
from training.jobs.recipes import RECIPES, merge, preset, presets, stages, validate
from training.jobs.service import JobRequest, Jobs
from training.jobs.store import Store
from vocoder.checkpoints import voice_path
from vocoder.checkpoints.format import rewrite_checkpoint
from vocoder.config import read_mapping, shipped_configs
from vocoder.errors import ConfigError

ROOT = Path(__file__).parents[3]
CLIP = ROOT / "tests" / "data" / "LJ001-0002.flac"


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(Store(tmp_path / "jobs"))


@pytest.mark.parametrize("name", sorted(set(RECIPES) & set(presets())))
def test_a_recipe_begins_with_its_own_preset(name: str, tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("clip.flac\n")
    (tmp_path / "clip.flac").write_bytes(CLIP.read_bytes())
    here = {"root": str(tmp_path), "sources": [{"folder": ".", "list": "train.txt"}]}
    values = merge(preset(name), {"data": here})
    config = validate(name, values, None)
    assert stages(config)
    assert all(steps > 0 for steps in stages(config).values())


def test_a_voice_of_other_recordings_does_not_claim_those_of_the_shipped_one() -> None:
    for name in presets():
        assert "LJSpeech" not in preset(name).get("description", "")


def test_an_installed_package_has_them_inside(tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    inside = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]["configs"]
    (tmp_path / inside).mkdir(parents=True)
    assert shipped_configs(tmp_path / "vocoder") == tmp_path / inside


def test_a_checkout_has_them_beside_the_package() -> None:
    assert shipped_configs(ROOT / "vocoder") == ROOT / "configs"
    assert recipes.PRESETS == ROOT / "configs" / "recipe"
    assert {"student", "universal"} <= presets().keys()


def test_what_ships_is_found_by_its_name_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = read_mapping("configs/recipe/student.yaml")
    assert shipped == read_mapping(ROOT / "configs/recipe/student.yaml")
    (tmp_path / "configs/recipe").mkdir(parents=True)
    (tmp_path / "configs/recipe/student.yaml").write_text("name: own")
    assert read_mapping("configs/recipe/student.yaml") == {"name": "own"}
    with pytest.raises(ConfigError, match="configs/none"):
        read_mapping("configs/none.yaml")


def test_a_pipeline_is_no_preset() -> None:
    assert not {"own", "tiny"} & set(presets())


def test_groups_are_merged_and_lists_replaced() -> None:
    base = {"data": {"root": "a", "sources": [1, 2]}, "name": "x"}
    merged = merge(base, {"data": {"sources": [3]}})
    assert merged == {"data": {"root": "a", "sources": [3]}, "name": "x"}
    assert base["data"] == {"root": "a", "sources": [1, 2]}


@pytest.mark.parametrize("name", ["../mine", ".mine", "a/b", "", "a" * 65])
def test_a_name_that_is_no_file_name_is_refused(jobs: Jobs, name: str) -> None:
    with pytest.raises(ConfigError, match="name"):
        jobs.submit(JobRequest(recipe="student", config={"name": name}))


def test_an_unknown_preset_lists_those_there_are(jobs: Jobs) -> None:
    with pytest.raises(ConfigError, match="universal"):
        jobs.submit(JobRequest(recipe="student", preset="universe"))


def test_what_a_run_learns_from_is_a_voice(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("clip.flac\n")
    (tmp_path / "clip.flac").write_bytes(CLIP.read_bytes())
    here = {"root": str(tmp_path), "sources": [{"folder": ".", "list": "train.txt"}]}
    path = tmp_path / "phones.safetensors"
    rewrite_checkpoint(voice_path("universal"), path, kind="classifier")
    values = merge(preset("distillation"), {"data": here, "teacher": str(path)})
    with pytest.raises(ConfigError, match=r"teacher: .*phones.safetensors is a classifier, not a voice"):
        validate("distillation", values, None)
