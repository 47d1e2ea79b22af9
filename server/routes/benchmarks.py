"""Benchmarks as jobs: ask for one, and for its figures."""

from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from server.problems import Problem, documented
from server.routes.jobs import QUEUED, IdempotencyKey, TheJob, TheJobs, queue
from training.jobs.attempt import JobFolder
from training.jobs.benchmark import RECIPE, result_of
from training.jobs.service import JobRequest
from training.jobs.view import EXAMPLE, JobView

router = APIRouter(prefix="/v1/benchmarks", tags=["jobs"])
_REQUEST: dict[str, Any] = {"config": {"voices": ["student"], "threads": [1], "seconds": [2.0], "runs": 5}}
_JOB = EXAMPLE | _REQUEST | {"recipe": RECIPE, "name": RECIPE, "lineage": {}, "metadata": {}}


class BenchmarkRequest(BaseModel):
    """What is measured, and where."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_REQUEST]})

    config: dict[str, Any] = Field(
        default={}, description="lists of voices, threads, precision, batch, seconds, streams; runs, rounds"
    )
    device: Literal["cpu", "gpu"] = "cpu"
    priority: int = Field(default=0, ge=-100, le=100, description="higher ones begin first")


class BenchmarkView(BaseModel):
    """The job, and once it has succeeded what `vocoder bench --json` prints."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"job": _JOB, "result": None}]})

    job: JobView
    result: dict[str, Any] | None = Field(description="null until the job has succeeded")


@router.post("", status_code=201, responses=QUEUED)
def submit_benchmark(
    wanted: BenchmarkRequest,
    request: Request,
    response: Response,
    jobs: TheJobs,
    idempotency_key: IdempotencyKey = None,
) -> JobView:
    """Queue a benchmark of installed voices, a job as any other; the server goes on speaking beside it."""
    asked = JobRequest(recipe=RECIPE, config=wanted.config, device=wanted.device, priority=wanted.priority)
    return queue(asked, jobs, idempotency_key, request, response, "show_benchmark")


@router.get("/{job}", responses=documented("unknown-job"))
def show_benchmark(job: TheJob, jobs: TheJobs) -> BenchmarkView:
    """A benchmark's job and its figures."""
    if job.spec.recipe != RECIPE:
        raise Problem("unknown-job", f"job {job.id} is no benchmark but trains a {job.spec.recipe}")
    return BenchmarkView(job=JobView.of(job), result=result_of(JobFolder(jobs.store.folder(job.id)).run))
