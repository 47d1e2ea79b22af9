"""From a folder of recordings to an installed voice: prepare, train, evaluate, publish.

A step that was done with the same inputs is not done again; one that was stopped goes on where it was. What
each did is noted in `steps.json` of the run's folder.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from training.jobs import recipes
from training.jobs.checkpoints import install
from training.jobs.datasets import prepared_values
from training.prepare.prepare import REPORT, PrepareConfig, prepare
from training.publish import publish
from vocoder.checkpoints.format import write_atomically
from vocoder.config import Config
from vocoder.errors import ConfigError


class TrainingConfig(Config):
    """One training: a recipe, the preset that it starts from, and what differs."""

    recipe: str = "student"
    preset: str | None = Field(default=None, description="of configs/recipe; by default the recipe's own")
    config: dict[str, Any] = Field(default={}, description="fields that differ from it")


class PipelineConfig(Config):
    """Everything between the recordings and the voice. The last training makes the voice."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="of the voice")
    recordings: Path
    data: Path | None = Field(default=None, description="folder of the set; by default data/NAME")
    runs: Path | None = Field(default=None, description="folder of the run; by default runs/NAME")
    prepare: PrepareConfig = PrepareConfig()
    train: list[TrainingConfig] = Field(default=[TrainingConfig()], min_length=1)
    workers: int | None = Field(default=None, ge=1, description="processes that prepare and evaluate")
    publish: bool = Field(default=True, description="install the voice where `vocoder serve` finds it")


@dataclass(frozen=True)
class Done:
    """A step that is done: what it came to, and whether that was so before."""

    step: str
    result: dict[str, Any]
    seconds: float
    before: bool


class Stopped(Exception):
    """A training was stopped before its last step; the same call goes on."""


class Pipeline:
    """The steps of one configuration, in order.

    Raises:
        ConfigError: an unknown recipe or preset, or a configuration that does not fit its recipe.
    """

    def __init__(self, config: PipelineConfig) -> None:
        self.config = config
        self.data = config.data or Path("data") / config.name
        self.folder = config.runs or Path("runs") / config.name
        for training in config.train:
            recipes.parse(training.recipe, self._values(training))

    def run(
        self,
        *,
        max_minutes: float | None = None,
        advance: Callable[[str, int, int], None] = lambda stage, done, total: None,
    ) -> Iterator[Done]:
        """Do what is to be done; yields each step when it is done.

        Raises:
            Stopped: by a signal, or after `max_minutes`, with everything saved.
            VocoderError: what the steps raise.
        """
        deadline = None if max_minutes is None else time.monotonic() + 60 * max_minutes
        yield self._prepare(advance)
        voice = Path()
        for training in self.config.train:
            done = self._train(training, deadline)
            voice = Path(done.result["voice"])
            yield done
        yield self._evaluate(voice)
        if self.config.publish:
            yield self._publish()

    @property
    def measured(self) -> Path:
        """The voice with its figures inside."""
        return self.folder / f"{self.config.name}.safetensors"

    def _prepare(self, advance: Callable[[str, int, int], None]) -> Done:
        begun = time.monotonic()
        config = self.config
        report = prepare(
            config.recordings, self.data, config.prepare, workers=config.workers, advance=advance
        )
        told = ("pieces", "train_minutes", "valid_minutes", "left_out", "aligned", "not_aligned")
        result = {key: report[key] for key in told} | {"report": str(self.data / REPORT)}
        return self._note("prepare", "", result, begun)

    def _values(self, training: TrainingConfig) -> dict[str, Any]:
        """What the recipe's configuration is made of."""
        recipes.entry_of(training.recipe)
        base = recipes.preset(training.preset or training.recipe)
        values = recipes.merge(base, training.config) | {"name": self.config.name}
        values["data"] = values.get("data", {}) | prepared_values(self.data)
        return values

    def _train(self, training: TrainingConfig, deadline: float | None) -> Done:
        recipe = recipes.validate(training.recipe, self._values(training), None)
        folder = self.folder / training.recipe

        def work() -> dict[str, Any]:
            left = None if deadline is None else (deadline - time.monotonic()) / 60
            if not recipes.train(training.recipe, recipe, folder, progress=True, max_minutes=left):
                raise Stopped
            return {"voice": str(folder / f"{self.config.name}.safetensors")}

        key = _key(training.recipe, recipe.model_dump_json(), (self.data / "train.txt").read_text())
        return self._once(f"train {training.recipe}", key, work, "voice")

    def _evaluate(self, voice: Path) -> Done:
        held_out = self.data / "valid.txt"

        def work() -> dict[str, Any]:
            figures = publish(voice, self.measured, {"held out": held_out}, workers=self.config.workers)
            means = {
                system: {measure: value["mean"] for measure, value in values.items()}
                for system, values in figures["held out"]["systems"].items()
            }
            return {"voice": str(self.measured), "means": means}

        key = _key(hashlib.sha256(voice.read_bytes()).hexdigest(), held_out.read_text())
        return self._once("evaluate", key, work, "voice")

    def _publish(self) -> Done:
        def work() -> dict[str, Any]:
            return {"file": str(install(self.measured, self.config.name, replace=True))}

        key = _key(hashlib.sha256(self.measured.read_bytes()).hexdigest())
        return self._once("publish", key, work, "file")

    def _once(self, step: str, key: str, work: Callable[[], dict[str, Any]], file: str) -> Done:
        """Do the work unless it was done with the same key, and its file is still there."""
        noted = self._steps().get(step)
        if noted and noted["key"] == key and Path(noted["result"][file]).is_file():
            return Done(step, noted["result"], noted["seconds"], before=True)
        begun = time.monotonic()
        return self._note(step, key, work(), begun)

    def _note(self, step: str, key: str, result: dict[str, Any], begun: float) -> Done:
        seconds = round(time.monotonic() - begun, 1)
        entry = {"key": key, "date": datetime.now(UTC).isoformat(), "seconds": seconds, "result": result}
        text = json.dumps(self._steps() | {step: entry}, indent=2, ensure_ascii=False)
        write_atomically(self.folder / "steps.json", text.encode())
        return Done(step, result, seconds, before=False)

    def _steps(self) -> dict[str, Any]:
        path = self.folder / "steps.json"
        return json.loads(path.read_text()) if path.exists() else {}


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def check(config: PipelineConfig) -> None:
    """Refuse what would fail only after hours; raises `ConfigError`."""
    if not config.recordings.is_dir():
        raise ConfigError(f"recordings: {config.recordings} is no folder; give recordings=FOLDER")
