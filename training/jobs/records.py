"""What a job is: what was asked for, and what became of it."""

from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from vocoder.config import Config


class State(StrEnum):
    """`queued -> running -> succeeded | failed | cancelled`; an interrupted job is queued again."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in (State.QUEUED, State.RUNNING)


class JobSpec(Config):
    """What is asked for; it never changes, but for a deadline that passed. `config` was found valid."""

    recipe: str
    config: dict[str, Any]
    data_roots: list[Path] | None = Field(
        default=None, description="recordings elsewhere are refused; None: anywhere"
    )
    device: Literal["cpu", "gpu"] = "cpu"
    priority: int = Field(default=0, ge=-100, le=100, description="higher ones begin first")
    deadline: float | None = Field(default=None, description="seconds since 1970; past it the job fails")
    metadata: dict[str, str] = Field(default={}, description="the submitter's own")

    @property
    def name(self) -> str:
        return str(self.config.get("name", self.recipe))


class Progress(Config):
    """How far a job is. A stage is one run of the training loop; its steps are as logged."""

    stage: str
    step: int
    steps: int
    fraction: float = Field(description="of the steps of all stages")
    eta_seconds: float | None = Field(
        default=None, description="if later stages step as fast as this one; null until two logs are in"
    )
    metrics: dict[str, float] = Field(default={}, description="the last logged, and the last held-out ones")


class Job(Config):
    """A job as it stands."""

    id: str
    spec: JobSpec
    state: State
    reason: str | None = Field(default=None, description="why it failed, or waits again")
    attempts: int = Field(default=0, description="times that it was started")
    interruptions: int = Field(default=0, description="in a row, without a step gained")
    token: str | None = Field(default=None, description="of the attempt that may write")
    slot: str | None = None
    cancelling: bool = False
    progress: Progress | None = None
    lineage: dict[str, Any] = Field(default={}, description="the data, and a student's teacher")
    created: float
    started: float | None = None
    ended: float | None = None
    heartbeat: float | None = Field(default=None, description="when the running process last gave a sign")


class Event(Config):
    """Something that happened to a job. `number` grows over all jobs."""

    number: int
    job: str
    time: float
    kind: Literal["state", "metrics", "log"]
    data: dict[str, Any]
