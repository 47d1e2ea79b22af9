"""A run that is done is read and not repeated; the page's figures are those of the records."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from training.data.manifests import find_recordings, manifest_hash
from training.jobs.recipes import PRESETS
from training.recipes.run import claim_folder
from training.recipes.teacher import TeacherRecipe
from training.search import runs
from training.search.kinds import KINDS
from training.search.page import (
    least_finding,
    question_table,
    runs_table,
    summary,
    worth_a_page,
    write_again,
    write_search,
)
from training.search.picture import plot_search
from training.search.plan import Plan, read_plan
from training.search.record import SearchRecord, make_record, read_record, write_record
from training.search.runs import Point, Run, run_plan
from training.trainer import TrainingDiverged
from vocoder.checkpoints import save_checkpoint
from vocoder.config import read_mapping
from vocoder.errors import ConfigError
from vocoder.mel import DIALECTS
from vocoder.models import MODELS

CLIPS = Path(__file__).parents[2] / "data"
SOURCE = {"folder": "a", "list": "b.txt"}
STACK = {"layers": 2, "residual_channels": 4, "gate_channels": 4, "skip_channels": 4, "head_channels": 4}


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    names = [Path(shutil.copy(path, tmp_path)).name for path in sorted(CLIPS.glob("*.flac"))]
    (tmp_path / "list.txt").write_text("\n".join(names))
    recipe = {
        "name": "tiny",
        "model": {"kind": "wavenet", "wavenet": STACK},
        "data": {
            "root": str(tmp_path),
            "sources": [{"folder": ".", "list": "list.txt"}],
            "cache": str(tmp_path / "cache"),
        },
        "segments": {"batch": 1, "frames": 4},
        "listen_seconds": 0,
        "flow": {"steps": 2, "tensorboard": False},
    }
    search = {
        "name": "tiny",
        "kind": "teacher",
        "base": "recipe.yaml",
        "questions": {
            "chance": {"another seed": ["flow.seed=1"]},
            "learning rate": {"half": ["flow.optimizer.lr=5.0e-4"]},
        },
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    (tmp_path / "search.yaml").write_text(yaml.safe_dump(search))
    return read_plan(tmp_path / "search.yaml")


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the recipes trained, by a trainer that learns nothing and says what it would."""
    calls = []

    def train(recipe: TeacherRecipe, folder: Path, **_: Any) -> Path:
        calls.append(recipe.name)
        bits = 8.0 - recipe.flow.optimizer.lr * 1000 + recipe.flow.seed / 64
        points = [
            {"step": 1, "cpu_seconds": 2.0, "valid_bits": bits + 1},
            {"step": 2, "cpu_seconds": 4.0, "valid_bits": bits},
        ]
        record = {"recipe": recipe.portable(), "minutes_of_speech": 0.5, "curves": {"flow": points}}
        model = MODELS["wavenet"][0](recipe.model, DIALECTS["nvidia"])
        claim_folder(folder, recipe, manifest_hash(find_recordings(recipe.data)))
        path = folder / f"{recipe.name}.safetensors"
        save_checkpoint(path, model, training=record)
        return path

    monkeypatch.setitem(KINDS, "teacher", KINDS["teacher"]._replace(train=train))
    return calls


def test_what_is_done_is_not_repeated(plan, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "side_by_side", lambda run, calls, jobs: (run(*call) for call in calls))
    first = list(run_plan(plan, tmp_path / "runs", jobs=1))
    assert trained == ["tiny-base", "tiny-chance-another-seed", "tiny-learning-rate-half"]
    assert list(run_plan(plan, tmp_path / "runs", jobs=1)) == first
    assert len(trained) == 3
    (tmp_path / "list.txt").write_text(sorted(CLIPS.glob("*.flac"))[0].name)
    with pytest.raises(ConfigError, match="begun with another recipe or other recordings"):
        list(run_plan(plan, tmp_path / "runs", jobs=1))


def test_another_machine_goes_on_from_the_record(plan, trained, tmp_path, monkeypatch):
    """Which has fewer runs than are planned, and says so; other recordings are other runs."""
    monkeypatch.setattr(runs, "side_by_side", lambda run, calls, jobs: (run(*call) for call in calls))
    first = list(run_plan(plan._replace(variants=plan.variants[:1]), tmp_path / "here", jobs=1))
    page = write_search(plan, first, tmp_path / "page", command="vocoder search it.yaml")
    assert "So far 2 of 3 runs are done." in page.read_text()
    known = read_record(tmp_path / "page" / "tiny.json").runs
    assert known == first
    whole = list(run_plan(plan, tmp_path / "there", jobs=1, known=known))
    assert whole[:2] == first
    assert trained == ["tiny-base", "tiny-chance-another-seed", "tiny-learning-rate-half"]
    page = write_search(plan, whole, tmp_path / "page", command="vocoder search it.yaml")
    assert "So far" not in page.read_text()
    (tmp_path / "list.txt").write_text("\n".join(path.name for path in sorted(CLIPS.glob("*.flac"))[:1]))
    list(run_plan(plan, tmp_path / "elsewhere", jobs=1, known=whole))
    assert len(trained) == 6


def test_no_page_takes_known_runs_away():
    base, seed, rate = (
        make_run(question, question, "", 7.0)._replace(fingerprint=mark)
        for question, mark in (("base", "a"), ("chance", "b"), ("rate", "c"))
    )
    assert worth_a_page([base, seed], [])
    assert not worth_a_page([base], [])
    assert not worth_a_page([seed, rate], [])  # nothing to compare with
    assert not worth_a_page([base, seed], [base, seed, rate])
    assert worth_a_page([base, seed, rate], [base, seed, rate])
    assert not worth_a_page([base, seed], [rate._replace(fingerprint="")])  # a record of before


def test_the_pages_figures_are_those_of_the_records(plan, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "side_by_side", lambda run, calls, jobs: (run(*call) for call in calls))
    results = list(run_plan(plan, tmp_path / "runs", jobs=1))
    page = write_search(plan, results[::-1], tmp_path / "page", command="vocoder search it.yaml").read_text()
    record = read_record(tmp_path / "page" / "tiny.json")
    assert [record.base, *record.others] == results
    assert [run.figure for run in results] == [7.0, 7.015625, 7.5]
    assert "| half | `flow.optimizer.lr=5.0e-4` | 7.500 | +0.492 | 4 |" in page
    assert page.index("## Chance") < page.index("## Learning rate")
    assert (tmp_path / "page" / "tiny.png").exists()
    (tmp_path / "page" / "tiny.md").unlink()
    again = write_again(plan.config, record, tmp_path / "page")
    assert again.read_text() == page
    rows = runs_table(record)[2:]
    assert len(rows) == len(results)
    assert "| learning rate | half | 7.500 | +0.492 | 4 |" in rows


def make_run(question: str, variant: str, override: str, figure: float) -> Run:
    return Run(question, variant, (override,), figure, 10, 1.0, 100, 26.0, [Point(10, 1.0, figure)])


def test_what_chance_can_do_is_no_finding():
    base = make_run("base", "base", "", 7.0)
    others = [
        make_run("chance", "another seed", "flow.seed=1", 7.1),
        make_run("chance", "a third seed", "flow.seed=2", 7.2),
        make_run("rate", "half", "flow.optimizer.lr=1", 7.3),
        make_run("rate", "double", "flow.optimizer.lr=2", 6.5),
        make_run("size", "half", "model.size=1", 7.8),
    ]
    record = SearchRecord({}, {}, "bits a sample", base, others)
    assert (record.reference, record.chance) == (pytest.approx(7.1), pytest.approx(0.1))
    assert least_finding(record) == pytest.approx(4.302653 * 0.1 * (4 / 3) ** 0.5)  # t, 2 degrees of freedom
    lines = summary(record)
    assert "- Better than the base: rate: double (-0.600)." in lines
    assert "- Worse: size: half (+0.700)." in lines
    assert "- No finding: rate: half (+0.200)." in lines
    assert len(question_table(record, "rate")) == 2 + 3


def test_runs_of_one_recipe_are_found_to_differ_one_time_in_twenty():
    rng = np.random.default_rng(0)
    found = 0
    for figures in rng.normal(7.0, 0.1, (4000, 4)):
        base, *seeds, other = (
            make_run(question, str(i), f"flow.{field}={i}", figure)
            for i, (question, field, figure) in enumerate(
                zip(("base", "chance", "chance", "rate"), ("x", "seed", "seed", "lr"), figures, strict=True)
            )
        )
        record = SearchRecord({}, {}, "bits a sample", base, [*seeds, other])
        found += abs(other.figure - record.reference) > least_finding(record)
    assert 0.04 < found / 4000 < 0.06


def test_nothing_is_found_where_chance_is_not_known():
    record = SearchRecord(
        {}, {}, "bits", make_run("base", "base", "", 7.0), [make_run("rate", "a", "b=1", 6.0)]
    )
    assert "nothing is found" in summary(record)[-1]


def test_a_run_that_diverges_is_a_result(plan, tmp_path, monkeypatch):
    def train(recipe: TeacherRecipe, folder: Path, **_: Any) -> Path:
        raise TrainingDiverged("step 3: the loss is nan")

    monkeypatch.setitem(KINDS, "teacher", KINDS["teacher"]._replace(train=train))
    monkeypatch.setattr(runs, "side_by_side", lambda run, calls, jobs: (run(*call) for call in calls))
    (found,) = run_plan(plan._replace(variants=[]), tmp_path / "runs", jobs=1)
    base, seed = (make_run(question, question, "flow.seed=1", 7.0) for question in ("base", "chance"))
    broken = found._replace(question="learning rate", variant="half", overrides=("flow.optimizer.lr=5.0e-4",))
    record = make_record(plan, [base, seed._replace(variant="another seed"), broken], {})
    write_record(record, tmp_path / "record.json")
    assert read_record(tmp_path / "record.json") == record
    lines = summary(record)
    assert "- Worse: nothing." in lines
    assert lines[-1] == "- learning rate: half step 3: the loss is nan."
    assert "| learning rate | half | diverged |  | 0 |" in runs_table(record)
    plot_search(record, tmp_path / "picture.png")


def test_a_search_compares_what_its_recipe_optimises():
    values = read_mapping(PRESETS / "waveglow.yaml") | {"data": {"root": ".", "sources": [SOURCE]}}
    recipe = KINDS["waveglow"].recipe.model_validate(values)
    assert recipe.spectral.alone
    assert KINDS["waveglow"].figure(recipe) == "valid_energy_distance"
    both = recipe.model_copy(update={"spectral": recipe.spectral.model_copy(update={"alone": False})})
    assert KINDS["waveglow"].figure(both) == "valid_bits"


def test_a_record_of_something_else_is_refused(tmp_path):
    (tmp_path / "other.json").write_text(json.dumps({"figures": 1}))
    with pytest.raises(ConfigError, match="no record of a search"):
        read_record(tmp_path / "other.json")


@pytest.mark.timeout(600)
def test_a_run_trains(plan, tmp_path, monkeypatch):
    pytest.importorskip("pyworld", reason="tracking F0 needs the train extra")
    monkeypatch.setattr(runs, "side_by_side", lambda run, calls, jobs: (run(*call) for call in calls))
    (found,) = run_plan(plan._replace(variants=[]), tmp_path / "runs", jobs=1)
    assert found.steps == 2
    assert found.figure == found.curve[-1].figure > 0
