"""A job as people are shown it, over HTTP and by the command line."""

from datetime import UTC, datetime
from typing import Any

from pydantic import ConfigDict, Field

from training.jobs.records import Job, Progress, State
from vocoder.config import Config

EXAMPLE: dict[str, Any] = {
    "id": "1f2e3d4c5b6a",
    "recipe": "student",
    "name": "mine",
    "state": "running",
    "reason": None,
    "attempts": 1,
    "cancelling": False,
    "device": "cpu",
    "priority": 0,
    "deadline": None,
    "metadata": {"ticket": "42"},
    "progress": {
        "stage": "filters",
        "step": 1500,
        "steps": 5000,
        "fraction": 0.5,
        "eta_seconds": 640.0,
        "metrics": {"loss": 0.81, "valid_distance": 0.79},
    },
    "lineage": {"data": {"root": "/data/mine", "hash": "0f1e2d3c4b5a"}, "teacher": None},
    "config": {"name": "mine"},
    "created": "2026-11-22T12:00:00+00:00",
    "started": "2026-11-22T12:00:01+00:00",
    "ended": None,
    "heartbeat": "2026-11-22T12:10:00+00:00",
}


_ASKED = ("recipe", "name", "device", "priority", "metadata", "config")


class JobView(Config):
    """A job as it stands."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: str
    recipe: str
    name: str = Field(description="of the voice")
    state: State
    reason: str | None = Field(description="why it failed, or waits again")
    attempts: int = Field(description="times that it was started")
    cancelling: bool = Field(description="it was asked to save and leave")
    device: str
    priority: int
    deadline: datetime | None
    metadata: dict[str, str]
    progress: Progress | None = Field(description="null until the first figures")
    lineage: dict[str, Any] = Field(description="the recordings by their hash; a student's teacher")
    config: dict[str, Any] = Field(description="the whole recipe")
    created: datetime
    started: datetime | None
    ended: datetime | None
    heartbeat: datetime | None = Field(description="when its process last gave a sign")

    @classmethod
    def of(cls, job: Job) -> "JobView":
        spec = job.spec
        shared = {name: getattr(job, name) for name in cls.model_fields if name in Job.model_fields}
        asked = {name: getattr(spec, name) for name in cls.model_fields if name in _ASKED}
        times = {name: _moment(getattr(job, name)) for name in ("created", "started", "ended", "heartbeat")}
        return cls.model_validate(shared | asked | times | {"deadline": _moment(spec.deadline)})


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).astimezone()
