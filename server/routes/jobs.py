"""Training jobs: ask for one, look, follow, cancel, resume, publish."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, PlainTextResponse

from server.parameters import Name
from server.problems import Problem, documented
from training.jobs.checkpoints import Checkpoint
from training.jobs.options import Options, find_options
from training.jobs.records import Event, Job, State
from training.jobs.service import JobRequest, Jobs
from training.jobs.store import JobConflict, UnknownJob
from training.jobs.view import EXAMPLE, JobView

_LOOK_SECONDS = 0.3
_MAX_PAGE = 200
_LAST_EVENT = 2**63 - 1
_REQUEST: dict[str, Any] = {
    "recipe": "student",
    "dataset": "mine",
    "config": {"name": "mine", "filters": {"steps": 5000}},
    "metadata": {"ticket": "42"},
}
_CHECKPOINT: dict[str, Any] = {
    "name": "filters/state.safetensors",
    "kind": "state",
    "step": 1500,
    "bytes": 5_000_000,
    "modified": "2026-11-22T12:10:00+00:00",
}
_SAMPLE: dict[str, Any] = {
    "stage": "filters",
    "step": 1000,
    "url": "/v1/jobs/1f2e3d4c5b6a/samples/filters-00001000",
}
_FLAC: dict[int | str, dict[str, Any]] = {
    200: {"content": {"audio/flac": {"schema": {"type": "string", "format": "binary"}}}}
}

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


class JobList(BaseModel):
    """A page of jobs, the latest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"jobs": [EXAMPLE], "next": None}]})

    jobs: list[JobView]
    next: str | None = Field(description="`after` of the next page; null on the last")


class CheckpointList(BaseModel):
    """What a job has saved so far, the oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"checkpoints": [_CHECKPOINT]}]})

    checkpoints: list[Checkpoint]


class JobSample(BaseModel):
    """A sound of the job: a held-out recording, or what the model makes of its mel."""

    stage: str = Field(description="run of the training loop")
    step: int | None = Field(description="whose weights speak; null: the recording")
    url: str = Field(description="where it lies, as FLAC")


class JobSampleList(BaseModel):
    """What can be heard of a job so far: each stage's recording, then its samples from step to step."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"samples": [_SAMPLE]}]})

    samples: list[JobSample]


class PublishRequest(BaseModel):
    """Which checkpoint becomes which voice."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "mine"}]})

    checkpoint: Name | None = Field(default=None, description="a voice of the job; by default the last")
    name: Name | None = Field(default=None, description="of the voice; by default the recipe's")
    replace: bool = Field(default=False, description="whether a voice of this name may be there")


class Published(BaseModel):
    """The voice is installed, and served from the next request on."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"voice": "mine", "location": "/v1/voices/mine"}]}
    )

    voice: str
    location: str


def the_jobs(request: Request) -> Jobs:
    return request.app.state.jobs


def the_job(request: Request, job: str) -> Job:
    """The job that the path names; refused (404) if there is none."""
    try:
        return the_jobs(request).store.get(job)
    except UnknownJob as error:
        raise Problem("unknown-job", str(error)) from None


TheJobs = Annotated[Jobs, Depends(the_jobs)]
TheJob = Annotated[Job, Depends(the_job)]
IdempotencyKey = Annotated[
    str | None, Header(max_length=255, description="sent again, it gives the same job, not another")
]
QUEUED = documented("invalid-parameter", "job-conflict") | {
    200: {"model": JobView, "description": "The job that this idempotency key made before"}
}


def queue(
    wanted: JobRequest, jobs: Jobs, key: str | None, request: Request, response: Response, shown_by: str
) -> JobView:
    """Put a job into the queue and say where the route named `shown_by` shows it."""
    try:
        job, new = jobs.submit(wanted, key)
    except JobConflict as error:
        raise Problem("job-conflict", str(error)) from None
    response.headers["Location"] = str(request.app.url_path_for(shown_by, job=job.id))
    response.status_code = 201 if new else 200
    return JobView.of(job)


@router.post(
    "",
    status_code=201,
    responses=QUEUED,
    openapi_extra={"requestBody": {"content": {"application/json": {"example": _REQUEST}}}},
)
def submit_job(
    wanted: JobRequest,
    request: Request,
    response: Response,
    jobs: TheJobs,
    idempotency_key: IdempotencyKey = None,
) -> JobView:
    """Queue a training. It is on the disk when this is answered; what is wrong with it is refused now."""
    return queue(wanted, jobs, idempotency_key, request, response, "show_job")


@router.get("", responses=documented("invalid-parameter", "unknown-job"))
def list_jobs(
    jobs: TheJobs,
    state: Annotated[list[State] | None, Query(description="any of these")] = None,
    recipe: str | None = None,
    name: Annotated[str | None, Query(description="of the voice")] = None,
    after: Annotated[str | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = 50,
) -> JobList:
    """The jobs, the latest first, a page at a time."""
    try:
        found = jobs.store.jobs(
            states=tuple(state or ()), recipe=recipe, name=name, after=after, limit=limit + 1
        )
    except UnknownJob as error:
        raise Problem("unknown-job", str(error)) from None
    page = found[:limit]
    return JobList(jobs=[JobView.of(job) for job in page], next=page[-1].id if len(found) > limit else None)


@router.get("/options")
def list_options(jobs: TheJobs, request: Request) -> Options:
    """What a job can be asked for here: recipes and their presets, prepared recordings, devices."""
    settings = request.app.state.settings
    ray = settings.jobs_ray is not None
    places = {"cpu": ray or settings.jobs_slots, "gpu": ray or settings.jobs_gpus}
    return find_options(jobs.roots or [], [device for device, there in places.items() if there])


@router.get("/{job}", responses=documented("unknown-job"))
def show_job(job: TheJob) -> JobView:
    """One job: its state, how far it is, its figures, why it failed."""
    return JobView.of(job)


@router.get(
    "/{job}/events",
    response_class=EventSourceResponse,
    responses=documented("unknown-job", "invalid-parameter"),
)
async def follow_job(
    request: Request,
    job: TheJob,
    jobs: TheJobs,
    last_event_id: Annotated[int, Header(ge=0, le=_LAST_EVENT, description="go on after this event")] = 0,
) -> AsyncIterator[ServerSentEvent]:
    """What happens to a job, as server-sent events: `state`, `metrics` and `log`. Ends with the job.

    The data of each is `{number, job, time, kind, data}`.
    """
    after = last_event_id
    while not request.app.state.stopping:
        ended, events = await run_in_threadpool(_look, jobs, job.id, after)
        for event in events:
            after = event.number
            yield ServerSentEvent(id=str(event.number), event=event.kind, data=event.model_dump(mode="json"))
        if ended and not events:
            return
        if not events:
            await asyncio.sleep(_LOOK_SECONDS)


@router.get(
    "/{job}/logs",
    response_class=PlainTextResponse,
    responses=documented("unknown-job", "invalid-parameter")
    | {200: {"content": {"text/plain": {"example": "attempt 0f1e: student mine, process 4242\n"}}}},
)
def show_log(
    job: TheJob, jobs: TheJobs, lines: Annotated[int, Query(ge=1, le=100_000)] = 1000
) -> PlainTextResponse:
    """The last lines that the job printed."""
    return PlainTextResponse(jobs.log(job.id, lines))


@router.get("/{job}/checkpoints", responses=documented("unknown-job"))
def list_checkpoints(job: TheJob, jobs: TheJobs) -> CheckpointList:
    """What the job has saved so far: states to go on from, and voices that can be published."""
    return CheckpointList(checkpoints=jobs.checkpoints(job.id))


@router.get("/{job}/samples", responses=documented("unknown-job"))
def list_job_samples(request: Request, job: TheJob, jobs: TheJobs) -> JobSampleList:
    """What can be heard of the job so far; the recipe `flow` and the stage that reads pitch make no sound."""

    def url(name: str) -> str:
        return str(request.app.url_path_for("get_job_sample", job=job.id, name=name))

    found = jobs.samples(job.id)
    return JobSampleList(samples=[JobSample(stage=s.stage, step=s.step, url=url(s.name)) for s in found])


@router.get(
    "/{job}/samples/{name}",
    response_class=FileResponse,
    responses=documented("unknown-job", "not-found") | _FLAC,
)
def get_job_sample(job: TheJob, jobs: TheJobs, name: str) -> FileResponse:
    """One of them, as FLAC."""
    path = jobs.sample_file(job.id, name)
    if path is None:
        raise Problem(
            "not-found", f"job {job.id} has no sample {name[:100]!r}; /samples lists those there are"
        )
    return FileResponse(path, media_type="audio/flac")


@router.post("/{job}/cancel", responses=documented("unknown-job"))
def cancel_job(job: TheJob, jobs: TheJobs) -> JobView:
    """End a job that waits; let one that runs save and leave. It can be resumed; again changes nothing."""
    return JobView.of(jobs.store.cancel(job.id))


@router.post("/{job}/resume", responses=documented("unknown-job", "job-conflict"))
def resume_job(job: TheJob, jobs: TheJobs) -> JobView:
    """Queue a failed or cancelled job again; it goes on from its last checkpoint."""
    try:
        return JobView.of(jobs.store.resume(job.id))
    except JobConflict as error:
        raise Problem("job-conflict", str(error)) from None


@router.post("/{job}/publish", responses=documented("unknown-job", "job-conflict", "invalid-parameter"))
def publish_job(request: Request, job: TheJob, jobs: TheJobs, wanted: PublishRequest) -> Published:
    """Make a checkpoint an installed voice, which is served from the next request on."""
    try:
        voice, _ = jobs.publish(
            job.id, checkpoint=wanted.checkpoint, name=wanted.name, replace=wanted.replace
        )
    except JobConflict as error:
        raise Problem("job-conflict", str(error)) from None
    return Published(voice=voice, location=str(request.app.url_path_for("show_voice", name=voice)))


@router.delete("/{job}", status_code=204, responses=documented("unknown-job", "job-conflict"))
def delete_job(job: TheJob, jobs: TheJobs) -> None:
    """Forget a job that has ended, with its checkpoints and its log; voices that it published stay."""
    try:
        jobs.delete(job.id)
    except JobConflict as error:
        raise Problem("job-conflict", str(error)) from None


def _look(jobs: Jobs, job: str, after: int) -> tuple[bool, list[Event]]:
    """Whether the job had ended, and then its events: none is missed between the two."""
    try:
        ended = jobs.store.get(job).state.ended
    except UnknownJob:
        return True, []
    return ended, jobs.store.events(job, after)
