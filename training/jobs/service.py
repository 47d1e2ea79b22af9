"""What people do with jobs, over HTTP or by command: ask, look, follow, publish, delete."""

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from training.jobs import recipes
from training.jobs.attempt import JobFolder
from training.jobs.checkpoints import Checkpoint, find_checkpoints, install
from training.jobs.datasets import dataset_values
from training.jobs.records import Event, Job, JobSpec
from training.jobs.samples import Sample, find_samples, sample_file
from training.jobs.store import JobConflict, Store
from vocoder.config import Config
from vocoder.errors import ConfigError

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
_FOLLOW_SECONDS = 0.3
_MAX_LOG_BYTES = 4 << 20
_FURTHEST_SECONDS = 10 * 365.25 * 86400


class JobRequest(Config):
    """A job that is asked for."""

    recipe: str = Field(description=f"what is trained: {', '.join(recipes.RECIPES)}")
    preset: str | None = Field(
        default=None,
        description="YAML of configs/recipe to start from; by default the recipe's own",
    )
    config: dict[str, Any] = Field(default={}, description="fields of the recipe that differ from the preset")
    dataset: str | None = Field(
        default=None, description="prepared folder of recordings, below a root of the server"
    )
    device: Literal["cpu", "gpu"] = "cpu"
    priority: int = Field(default=0, ge=-100, le=100, description="higher ones begin first")
    deadline: AwareDatetime | None = Field(
        default=None, description="past it the job fails; it can be resumed"
    )
    metadata: dict[str, str] = Field(default={}, description="kept as it is")


class Jobs:
    """The jobs of one store, for one who may read the recordings below `roots` (None: anywhere)."""

    def __init__(self, store: Store, roots: list[Path] | None = None) -> None:
        self.store = store
        self.roots = None if roots is None else [root.resolve() for root in roots]

    def submit(self, request: JobRequest, key: str | None = None) -> tuple[Job, bool]:
        """Queue a job; with a `key` that came before, that job. Returns it, and whether it is a new one.

        Raises:
            ConfigError: a field of the recipe is wrong, or recordings are missing or not allowed.
            JobConflict: the key came before with another request.
        """
        values = self._values(request)
        if not re.fullmatch(NAME, str(values.get("name", request.recipe))):
            raise ConfigError(
                f"name: {values['name']!r} becomes the name of a file: letters, digits, '_', '-' and '.'"
            )
        recipes.validate(request.recipe, values, self.roots)
        deadline = request.deadline.timestamp() if request.deadline else None
        if deadline is not None and deadline < time.time() and not self.store.has_key(key):
            raise ConfigError(f"deadline: {request.deadline} is past; give a later one, or none")
        if deadline is not None and deadline > time.time() + _FURTHEST_SECONDS:
            raise ConfigError(
                f"deadline: {request.deadline} is more than ten years away; give an earlier one, or none"
            )
        spec = JobSpec(
            recipe=request.recipe,
            config=values,
            data_roots=self.roots,
            device=request.device,
            priority=request.priority,
            deadline=deadline,
            metadata=request.metadata,
        )
        return self.store.submit(spec, key)

    def follow(self, job: str, after: int = 0, *, until_ended: bool = True) -> Iterator[Event | None]:
        """Events as they come, from the one after number `after` on; None while nothing happens.

        Ends when the job has ended and all was told. Raises `UnknownJob`.
        """
        while True:
            ended = self.store.get(job).state.ended
            events = self.store.events(job, after)
            yield from events
            if events:
                after = events[-1].number
            elif ended and until_ended:
                return
            else:
                yield None
                time.sleep(_FOLLOW_SECONDS)

    def log(self, job: str, lines: int) -> str:
        """The last lines that the job printed. Raises `UnknownJob`."""
        path = JobFolder(self.store.folder(self.store.get(job).id)).log
        if not path.exists():
            return ""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _MAX_LOG_BYTES))
            text = file.read().decode(errors="replace")
        return "".join(text.splitlines(keepends=True)[-lines:])

    def checkpoints(self, job: str) -> list[Checkpoint]:
        """What the job has saved so far. Raises `UnknownJob`."""
        return find_checkpoints(JobFolder(self.store.folder(self.store.get(job).id)).run)

    def samples(self, job: str) -> list[Sample]:
        """What can be heard of the job so far. Raises `UnknownJob`."""
        return find_samples(JobFolder(self.store.folder(self.store.get(job).id)).run)

    def sample_file(self, job: str, name: str) -> Path | None:
        """The file of one of these, None where there is none of this name. Raises `UnknownJob`."""
        return sample_file(JobFolder(self.store.folder(self.store.get(job).id)).run, name)

    def publish(
        self, job: str, *, checkpoint: str | None = None, name: str | None = None, replace: bool = False
    ) -> tuple[str, Path]:
        """Make a checkpoint of the job (by default its voice) an installed voice; returns its name and file.

        Raises:
            UnknownJob: there is none.
            JobConflict: it has no voice yet, or a voice of this name is there and `replace` is not set.
            ConfigError: a checkpoint that the job does not have, or a name that cannot be a file's.
        """
        voices = [found for found in self.checkpoints(job) if found.kind == "voice"]
        if not voices:
            raise JobConflict(f"job {job} has no voice yet: it is written with the last step")
        known = {found.name: found for found in voices}
        chosen = known.get(checkpoint or voices[-1].name)
        if chosen is None:
            raise ConfigError(f"checkpoint: {checkpoint!r} is none of the job's voices: {', '.join(known)}")
        name = name or Path(chosen.name).stem
        if not re.fullmatch(NAME, name):
            raise ConfigError(f"name: {name!r} cannot name a voice: letters, digits, '_', '-' and '.'")
        source = JobFolder(self.store.folder(job)).run / chosen.name
        return name, install(source, name, replace=replace)

    def delete(self, job: str) -> None:
        """Forget a job that has ended, with all its files. Raises `UnknownJob` or `JobConflict`."""
        self.store.delete(job)
        shutil.rmtree(self.store.folder(job), ignore_errors=True)

    def _values(self, request: JobRequest) -> dict[str, Any]:
        recipes.entry_of(request.recipe)
        base: dict[str, Any] = {}
        if request.preset is not None or request.recipe in recipes.presets():
            base = recipes.preset(request.preset or request.recipe)
        values = recipes.merge(base, request.config)
        if request.dataset is not None and not isinstance(values.get("data", {}), dict):
            raise ConfigError(
                f"data: {values['data']!r} does not go with a dataset: leave one of the two out"
            )
        if (
            request.dataset is None
            and self.roots is not None
            and "data" not in request.config
            and isinstance(values.get("data"), dict)
            and "sources" in values["data"]
        ):
            raise ConfigError(
                f"dataset: the recipe {request.recipe} learns from recordings: "
                "name a folder that `vocoder prepare` made"
            )
        if request.dataset is not None:
            values["data"] = values.get("data", {}) | dataset_values(request.dataset, self.roots)
        if isinstance(values.get("data"), dict) and (self.roots is not None or "cache" not in values["data"]):
            values["data"] = values["data"] | {"cache": str(self.store.root / "cache")}
        return values if self.roots is not None else recipes.settled(request.recipe, values)
