"""What can be asked of the jobs here: recipes with their presets, prepared recordings, devices."""

import json
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field

from training.data.manifests import DataConfig
from training.jobs import recipes
from training.jobs.datasets import TRAIN_LIST
from training.prepare.prepare import REPORT
from vocoder.config import Config

DEPTH = 2  # of prepared folders below a root
EXAMPLE: dict[str, Any] = {
    "recipes": [
        {
            "name": "student",
            "summary": "a voice in minutes: a linear flow with pitch pulses",
            "takes_dataset": True,
            "makes_voice": True,
            "config": {"dialect": "nvidia", "filters": {"steps": 5000}},
        }
    ],
    "datasets": [{"name": "mine", "minutes": 28.4, "texts": 312}],
    "devices": ["cpu"],
}
_STARTS: dict[str, dict[str, Any]] = {
    "flow": {"flow": "planar", "data": "two-moons", "steps": 400},
    "bench": {"runs": 10},
}


class RecipeOption(Config):
    """A recipe that a job may train."""

    name: str
    summary: str
    takes_dataset: bool = Field(description="it learns from recordings")
    makes_voice: bool = Field(description="its result can be published, and has a name")
    config: dict[str, Any] = Field(description="its preset: what `config` of a request may change")


class Dataset(Config):
    """A prepared folder of recordings."""

    name: str = Field(description="as `dataset` of a request")
    minutes: float | None = Field(description="of speech, as its report says")
    texts: int = Field(description="recordings with a text")


class Options(Config):
    """What can be asked for."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    recipes: list[RecipeOption]
    datasets: list[Dataset]
    devices: list[str]


def find_options(roots: list[Path], devices: list[str]) -> Options:
    """The recipes, the prepared folders at most two levels below `roots`, and `devices`."""
    return Options(
        recipes=[_recipe(name) for name in recipes.RECIPES], datasets=_datasets(roots), devices=devices
    )


def _recipe(name: str) -> RecipeOption:
    model = recipes.config_of(name)
    data = model.model_fields.get("data")
    base = recipes.preset(name) if name in recipes.presets() else {}
    return RecipeOption(
        name=name,
        summary=recipes.entry_of(name).summary,
        takes_dataset=data is not None and data.annotation is DataConfig,
        makes_voice="name" in model.model_fields and name != "classifier",
        config={key: value for key, value in base.items() if key not in ("data", "name", "description")}
        or _STARTS.get(name, {}),
    )


def _datasets(roots: list[Path]) -> list[Dataset]:
    found: dict[str, Dataset] = {}
    for root in roots:
        for depth in range(1, DEPTH + 1):
            for path in sorted(root.glob("*/" * depth + TRAIN_LIST)):
                name = path.parent.relative_to(root).as_posix()
                found.setdefault(name, _dataset(path.parent, name))
    return [found[name] for name in sorted(found)]


def _dataset(folder: Path, name: str) -> Dataset:
    try:
        report = json.loads((folder / REPORT).read_text())
        return Dataset(name=name, minutes=report["minutes"], texts=report["transcripts"])
    except (OSError, ValueError, KeyError):
        return Dataset(name=name, minutes=None, texts=0)
