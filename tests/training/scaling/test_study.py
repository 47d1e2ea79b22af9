"""The study takes its points from the records, and its page says what they say."""

import json
from pathlib import Path
from typing import Any

import pytest

from training.scaling.curves import at_quickest_pace, voice_curves, voices_alike, whole_runs
from training.scaling.h200 import CORE_HOURS
from training.scaling.page import write_scaling
from training.scaling.study import passes, study
from training.search.record import SearchRecord
from training.search.runs import Point, Run
from vocoder.errors import InputError

RECIPE: dict[str, Any] = {
    "dialect": "nvidia",
    "model": {"layers": 3},
    "data": {"sources": ["one"]},
    "segments": {"batch": 2, "frames": 32},
}


def law(cost: float) -> float:
    return 7.1 + 3 * cost**-0.5


def make_run(question: str, override: str, **changes: Any) -> Run:
    values = {"steps": 1000, "cpu_seconds": 200.0, "parameters": 2_000_000, "minutes": 26.0} | changes
    figure = values.pop("figure", law(values["cpu_seconds"]))
    curve = [Point(values["steps"], values["cpu_seconds"], figure)]
    return Run(question, override, (override,) if override else (), figure, **values, curve=curve)


@pytest.fixture
def search() -> SearchRecord:
    others = [make_run("steps", f"flow.steps={n}", steps=n, cpu_seconds=n / 5) for n in (250, 500, 2000)]
    others += [make_run("minutes of speech", "data.minutes=13", minutes=13.0, figure=law(200) + 0.1)]
    others += [make_run("model size", "model.channels=1", cpu_seconds=100.0, figure=law(200) + 0.2)]
    facts = {"command": "vocoder search it.yaml", "date": "2026-01-01", "machine": "a machine"}
    return SearchRecord(facts, RECIPE, "bits a sample", make_run("base", ""), others)


def training(key: str = "valid_bits", **changes: Any) -> dict[str, Any]:
    points = [{"step": n, "cpu_seconds": float(n), key: law(n + 101)} for n in (100, 200, 400, 800, 1600)]
    stages = {"pitch": [{"step": 1, "cpu_seconds": 1.0, "valid_voicing": 0.1}], "flow": points}
    return {"recipe": RECIPE, "curves": stages, "began_with": {"cpu_seconds": 100}} | changes


def test_whole_runs_are_those_of_one_recipe(search):
    other = training(recipe=RECIPE | {"model": {"layers": 9}})
    curve = whole_runs(search, voices_alike(search, {"same": training(), "other": other}))
    assert curve.costs == [50, 100, 200, 400, 1701]
    assert curve.figures == [pytest.approx(law(cost)) for cost in curve.costs]


def test_a_run_that_was_slowed_counts_for_what_its_steps_cost(search):
    slowed = search._replace(base=search.base._replace(cpu_seconds=520.0))
    assert at_quickest_pace(slowed) == search == at_quickest_pace(search)


def test_a_voice_is_followed_by_what_it_optimised():
    alone = training(recipe=RECIPE | {"spectral": {"alone": True}})
    for point in alone["curves"]["flow"]:
        point["valid_energy_distance"] = 0.5
    found = {curve.name: curve for curve in voice_curves({"plain": training(), "alone": alone, "none": {}})}
    assert found["plain"].label == "bits a sample"
    assert found["plain"].costs[0] == 201  # 100 of what it began with, 1 of the stage before
    assert found["alone"].label == "energy distance"
    assert "none" not in found


def test_the_study_recovers_law_trends_and_passes(search, tmp_path: Path):
    seeds = [make_run("chance", f"flow.seed={n}", figure=law(200) + n / 1e4) for n in (-1, 1)]
    search = search._replace(others=[*search.others, *seeds])
    found = study(search, {"same": training()})
    assert found.whole.law.floor == pytest.approx(7.1, abs=1e-2)
    assert found.forecasts[0].costs == (CORE_HOURS[0] * 3600, CORE_HOURS[1] * 3600)
    assert found.speech is not None
    assert found.speech.doubling.slope == pytest.approx(-0.1)
    assert found.size is not None
    assert found.size.xs == [100, 200]
    assert found.size.doubling.slope == pytest.approx(-0.2)
    assert found.size.alike
    assert found.chains == {"same": 1701.0}
    assert found.without is not None
    assert found.without.floor == pytest.approx(7.1, abs=1e-2)
    assert passes(search, search.base) == pytest.approx(1000 * 64 * 256 / 22050 / 60 / 26)

    write_scaling(found, search, tmp_path / "scaling.md", command="vocoder scaling")
    page = (tmp_path / "scaling.md").read_text()
    assert "decades from points that span" in page
    assert "the present size is the better use of it" in page
    assert f"| 1 | {CORE_HOURS[0]:.0f} … {CORE_HOURS[1]:.0f} |" in page
    assert (
        json.loads((tmp_path / "scaling.json").read_text())["whole"]["law"]["floor"] == found.whole.law.floor
    )
    assert (tmp_path / "scaling.png").exists()


def test_sizes_at_equal_compute_are_told_from_sizes_at_equal_steps(search, tmp_path: Path):
    sizes = [("half", 1900, 190.0), ("twice", 400, 210.0)]
    others = [run for run in search.others if run.question != "model size"]
    others += [
        make_run("model size", f"model.channels={name}", steps=steps, cpu_seconds=cost)
        for name, steps, cost in sizes
    ]
    alike = search._replace(others=others)
    found = study(alike, {})
    write_scaling(found, alike, tmp_path / "scaling.md", command="vocoder scaling")
    page = (tmp_path / "scaling.md").read_text()
    assert "Each doubling of a step's cost" not in page
    assert "so that the law's column is what to compare with" in page
    assert "Each doubling of the minutes changes the figure, at the same steps, by" in page


def test_too_few_runs_for_a_law_are_refused(search):
    with pytest.raises(InputError, match="needs 4 points or more"):
        study(search._replace(others=search.others[:2]), {})
