"""Variants differ from the base by their overrides and nothing else; what would waste a run is refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from training.search.plan import read_plan
from vocoder.config import overridden
from vocoder.errors import ConfigError

ROOT = Path(__file__).parents[3]
SEARCHES = sorted((ROOT / "configs" / "search").glob("*.yaml"))
RECIPE = {
    "name": "small",
    "data": {"root": "data", "sources": [{"folder": "f", "list": "l"}]},
    "model": {"kind": "wavenet"},
    "flow": {"steps": 3},
}


def write_search(folder: Path, questions: dict[str, Any], **changes: Any) -> Path:
    (folder / "recipes").mkdir(exist_ok=True)
    (folder / "recipes" / "small.yaml").write_text(yaml.safe_dump(RECIPE))
    content = {"name": "s", "kind": "teacher", "base": "recipes/small.yaml", "questions": questions} | changes
    path = folder / "search.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


@pytest.mark.parametrize("path", SEARCHES, ids=lambda path: path.stem)
def test_recipes_differ_from_the_base_exactly_by_their_overrides(path):
    plan = read_plan(path, ["data.root=here"])
    for variant in plan.variants:
        values = plan.base.recipe.model_dump(mode="json")
        expected = overridden(values, [*variant.overrides, f"name={variant.recipe.name}"])
        assert variant.recipe == type(plan.base.recipe).model_validate(expected)
        assert variant.recipe.data.root == Path("here")


@pytest.mark.parametrize("path", SEARCHES, ids=lambda path: path.stem)
def test_every_run_has_a_folder_of_its_own_that_a_shell_can_name(path):
    names = [run.recipe.name for run in read_plan(path).runs]
    assert len(set(names)) == len(names)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-") for name in names)


def test_overrides_go_from_the_file_to_the_command_to_the_variant(tmp_path):
    path = write_search(tmp_path, {"q": {"v": ["flow.seed=7"]}}, overrides=["flow.steps=5", "flow.ema=0.5"])
    plan = read_plan(path, ["flow.steps=6", "flow.seed=1"])
    assert [(r.recipe.flow.steps, r.recipe.flow.seed, r.recipe.flow.ema) for r in plan.runs] == [
        (6, 1, 0.5),
        (6, 7, 0.5),
    ]


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ({"q": {"v": ["flow.stepps=5"]}}, "q: v: flow.stepps is not a known key"),
        ({"q": {"v": ["flow.steps=3"]}}, "'q': 'v' is the same recipe as the base"),
        ({"q": {"v": ["flow.steps=4"]}, "p": {"w": ["flow.steps=4"]}}, "'p': 'w' is the same .* as 'q': 'v'"),
        (
            {"q": {"a b": ["flow.steps=4"], "a-b": ["flow.steps=5"]}},
            "'q': 'a b' and 'q': 'a-b' have one name",
        ),
        ({}, "questions"),
    ],
)
def test_what_would_waste_a_run_is_refused(tmp_path, questions, message):
    with pytest.raises(ConfigError, match=message):
        read_plan(write_search(tmp_path, questions))


def test_one_name_twice_is_refused(tmp_path):
    path = write_search(tmp_path, {"q": {"v": ["flow.steps=4"]}})
    path.write_text(path.read_text() + "  r:\n    v: [flow.seed=1]\n    v: [flow.seed=2]\n")
    with pytest.raises(ConfigError, match="the key 'v' is given twice"):
        read_plan(path)


def test_an_unknown_key_of_the_search_names_those_allowed(tmp_path):
    with pytest.raises(ConfigError, match="jobs is not a known key; allowed here: name, description, kind"):
        read_plan(write_search(tmp_path, {"q": {"v": ["flow.steps=4"]}}, jobs=3))
