"""What jobs know by name: each preset is a valid recipe, a change reaches its field, names stay names."""

from pathlib import Path

import pytest

from training.jobs.recipes import RECIPES, merge, preset, presets, stages, validate
from training.jobs.service import JobRequest, Jobs
from training.jobs.store import Store
from vocoder.errors import ConfigError

CLIP = Path(__file__).parents[2] / "data" / "LJ001-0002.flac"


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
