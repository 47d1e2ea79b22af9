"""From a folder of recordings to an installed voice: prepare, train, evaluate, publish.

A step that was done with the same inputs is not done again; one that was stopped goes on where it was. What
each did is noted in `steps.json` of the run's folder. Inputs are the recipe and what the recordings and the
checkpoints that it names hold: a training has a folder for each (`RUNS/student/KEY`), and puts its last voice
above it (`RUNS/student/NAME.safetensors`), where the next may begin with it.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from training.data.manifests import DataConfig, Source, find_recordings, manifest_hash
from training.jobs import recipes
from training.jobs.checkpoints import install
from training.jobs.datasets import prepared_values
from training.prepare.prepare import REPORT, PrepareConfig, prepare
from training.publish import publish
from training.recipes.run import Recipe
from vocoder.checkpoints import voice_paths
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
            ConfigError: before anything is done, where another's voice has the name.
            Stopped: by a signal, or after `max_minutes`, with everything saved.
            VocoderError: what the steps raise.
        """
        deadline = None if max_minutes is None else time.monotonic() + 60 * max_minutes
        if self.config.publish:
            self._demand_name()
        yield self._prepare(advance)
        voice = Path()
        for label, training in self._labelled():
            done = self._train(label, training, deadline)
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

    def _labelled(self) -> Iterator[tuple[str, TrainingConfig]]:
        """The trainings, each under its recipe's name, the second of a recipe as `student-2`."""
        seen: Counter[str] = Counter()
        for training in self.config.train:
            seen[training.recipe] += 1
            number = seen[training.recipe]
            yield training.recipe if number == 1 else f"{training.recipe}-{number}", training

    def _train(self, label: str, training: TrainingConfig, deadline: float | None) -> Done:
        recipe = recipes.validate(training.recipe, self._values(training), None)
        assert isinstance(recipe, Recipe)
        recordings = manifest_hash(find_recordings(recipe.data))
        key = _key(json.dumps([recipe.portable(), recipe.digests()], sort_keys=True), recordings)
        folder, file = self.folder / label, f"{self.config.name}.safetensors"

        def work() -> dict[str, Any]:
            left = None if deadline is None else (deadline - time.monotonic()) / 60
            if not recipes.train(training.recipe, recipe, folder / key, progress=True, max_minutes=left):
                raise Stopped
            write_atomically(folder / file, (folder / key / file).read_bytes())
            return {"voice": str(folder / file)}

        return self._once(f"train {label}", key, work, "voice")

    def _evaluate(self, voice: Path) -> Done:
        held_out = self.data / "valid.txt"

        def work() -> dict[str, Any]:
            figures = publish(voice, self.measured, {"held out": held_out}, workers=self.config.workers)
            means = {
                system: {measure: value["mean"] for measure, value in values.items()}
                for system, values in figures["held out"]["systems"].items()
            }
            return {"voice": str(self.measured), "means": means}

        spoken = DataConfig(root=self.data, sources=[Source(folder=".", list=held_out.name)])
        key = _key(_sha256(voice), manifest_hash(find_recordings(spoken)))
        return self._once("evaluate", key, work, "voice")

    def _publish(self) -> Done:
        sha256 = _sha256(self.measured)

        def work() -> dict[str, Any]:
            self._demand_name()  # hours may have gone by
            file = install(self.measured, self.config.name, replace=self.config.name in voice_paths())
            return {"file": str(file), "sha256": sha256}

        return self._once("publish", _key(sha256), work, "file")

    def _demand_name(self) -> None:
        """Raises `ConfigError` where a voice has the name that this pipeline did not publish."""
        name = self.config.name
        if (installed := voice_paths().get(name)) is None:
            return
        own = {self._steps().get("publish", {"result": {}})["result"].get("sha256")}
        if self.measured.is_file():
            own.add(_sha256(self.measured))  # a stop may come between publishing and its note
        if _sha256(installed) not in own:
            raise ConfigError(
                f"name: a voice {name!r} is installed, {installed}, which this pipeline has not put there: "
                "choose another name=, move that file away, or train with publish=false"
            )

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


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def check(config: PipelineConfig) -> None:
    """Refuse what would fail only after hours; raises `ConfigError`."""
    if not config.recordings.is_dir():
        raise ConfigError(f"recordings: {config.recordings} is no folder; give recordings=FOLDER")
