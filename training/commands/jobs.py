"""Training jobs: submit, list, show, follow, cancel, resume, publish, logs, delete; here, or on a server."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from training.jobs.client import Client, LocalClient, RemoteClient

URL_VARIABLE, KEY_VARIABLE = "VOCODER_URL", "VOCODER_API_KEY"
Root = Annotated[Path, typer.Option("--root", help="Folder of the jobs, where no --url is given.")]
Url = Annotated[
    str | None, typer.Option("--url", envvar=URL_VARIABLE, help="A server that runs jobs, instead of --root.")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
ROOT = Path("runs/jobs")

app = typer.Typer(no_args_is_help=True, help="Training jobs: durable, resumed after any crash.")


@app.callback()
def _group() -> None:
    """Training jobs: durable, resumed after any crash. A server's API key is read from $VOCODER_API_KEY."""


@app.command()
def submit(
    recipe: Annotated[
        str, typer.Argument(help="student, teacher, distillation, waveglow, classifier or flow")
    ],
    overrides: Annotated[list[str] | None, typer.Argument(help="key.path=value of the recipe")] = None,
    dataset: Annotated[str | None, typer.Option(help="A prepared folder of recordings.")] = None,
    preset: Annotated[
        str | None, typer.Option(help="YAML of configs/recipe. [default: that of the recipe]")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or gpu")] = "cpu",
    priority: Annotated[int, typer.Option(help="-100 to 100, higher ones begin first")] = 0,
    deadline: Annotated[
        str | None, typer.Option(help="With time zone, for example 2027-01-31T18:00+01:00.")
    ] = None,
    metadata: Annotated[list[str] | None, typer.Option(help="KEY=VALUE, kept; repeat for more.")] = None,
    key: Annotated[
        str | None, typer.Option("--idempotency-key", help="Sent again, it gives the same job.")
    ] = None,
    root: Root = ROOT,
    url: Url = None,
) -> None:
    """Queue a job and print its id.

    Example: vocoder jobs submit student --dataset data/mine filters.steps=2000
    """
    from vocoder.config import overridden

    request = {
        "recipe": recipe,
        "preset": preset,
        "config": overridden({}, overrides or []),
        "dataset": dataset,
        "device": device,
        "priority": priority,
        "deadline": deadline,
        "metadata": dict(_pair(item) for item in metadata or []),
    }
    client = RemoteClient(url, os.environ.get(KEY_VARIABLE)) if url else LocalClient(root)
    typer.echo(client.submit({k: v for k, v in request.items() if v is not None}, key)["id"])


@app.command(name="list")
def list_(
    state: Annotated[list[str] | None, typer.Option(help="Only these; repeat for more.")] = None,
    recipe: Annotated[str | None, typer.Option(help="Only this.")] = None,
    limit: Annotated[int, typer.Option(help="The latest so many.", min=1, max=1000)] = 50,
    as_json: AsJson = False,
    root: Root = ROOT,
    url: Url = None,
) -> None:
    """The latest jobs first.

    Example: vocoder jobs list --state running
    """
    client = _client(root, url) if url or _begun(root) else None
    jobs = client.list(state=state or [], recipe=recipe, limit=limit) if client else []
    if as_json:
        typer.echo(json.dumps(jobs, indent=2))
        return
    for job in jobs:
        typer.echo(_line(job))
    if not jobs:
        where = url or root
        typer.echo(f"no such jobs in {where}" if state or recipe else _none_in(where), err=True)


@app.command()
def show(job: str, root: Root = ROOT, url: Url = None) -> None:
    """One job, whole, as JSON.

    Example: vocoder jobs show 1f2e3d4c5b6a
    """
    typer.echo(json.dumps(_client(root, url).get(job), indent=2))


@app.command()
def follow(
    job: str,
    after: Annotated[int, typer.Option(help="Only events after this number.", min=0)] = 0,
    as_json: AsJson = False,
    root: Root = ROOT,
    url: Url = None,
) -> None:
    """What happens to a job, until it ends; status 1 unless it succeeds.

    Example: vocoder jobs follow 1f2e3d4c5b6a
    """
    client = _client(root, url)
    for event in client.follow(job, after):
        typer.echo(json.dumps(event) if as_json else _told(event))
    raise typer.Exit(0 if client.get(job)["state"] == "succeeded" else 1)


@app.command()
def cancel(job: str, root: Root = ROOT, url: Url = None) -> None:
    """Let a job save and leave. It can be resumed.

    Example: vocoder jobs cancel 1f2e3d4c5b6a
    """
    typer.echo(_line(_client(root, url).cancel(job)))


@app.command()
def resume(job: str, root: Root = ROOT, url: Url = None) -> None:
    """Queue a failed or cancelled job again, from its last checkpoint.

    Example: vocoder jobs resume 1f2e3d4c5b6a
    """
    typer.echo(_line(_client(root, url).resume(job)))


@app.command()
def publish(
    job: str,
    name: Annotated[str | None, typer.Option(help="Of the voice. [default: the recipe's]")] = None,
    checkpoint: Annotated[str | None, typer.Option(help="Of the job. [default: its last voice]")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="A voice of this name may be there.")] = False,
    root: Root = ROOT,
    url: Url = None,
) -> None:
    """Make the voice that a job trained an installed one; running servers notice it.

    Example: vocoder jobs publish 1f2e3d4c5b6a --name mine
    """
    values = {"name": name, "checkpoint": checkpoint, "replace": replace}
    published = _client(root, url).publish(job, {k: v for k, v in values.items() if v is not None})
    typer.echo(f"voice {published['voice']}")


@app.command()
def logs(
    job: str,
    lines: Annotated[int, typer.Option(help="The last so many.", min=1, max=100_000)] = 1000,
    root: Root = ROOT,
    url: Url = None,
) -> None:
    """What a job printed.

    Example: vocoder jobs logs 1f2e3d4c5b6a --lines 20
    """
    typer.echo(_client(root, url).log(job, lines), nl=False)


@app.command()
def delete(job: str, root: Root = ROOT, url: Url = None) -> None:
    """Forget a job that has ended, with its checkpoints and its log; voices that it published stay.

    Example: vocoder jobs delete 1f2e3d4c5b6a
    """
    _client(root, url).delete(job)
    typer.echo(f"{job} is deleted")


@app.command()
def run(
    cpu_slots: Annotated[int, typer.Option(help="Jobs at a time without a GPU.", min=0)] = 1,
    gpu: Annotated[
        list[str] | None,
        typer.Option(help="A GPU, as in CUDA_VISIBLE_DEVICES, for a job at a time; repeat."),
    ] = None,
    ray: Annotated[
        str | None, typer.Option(help="Address of a Ray cluster that runs the jobs instead.")
    ] = None,
    max_interruptions: Annotated[
        int, typer.Option(help="In a row without a checkpoint saved, then a job fails.", min=0)
    ] = 5,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="End when no job is left.")] = False,
    root: Root = ROOT,
) -> None:
    """Run the queue of a folder. `vocoder serve` with jobs does this by itself.

    Ctrl-C lets running jobs save; killed in any other way, the next runner finds them.

    Example: vocoder jobs run --until-idle
    """
    import logging
    import signal
    import threading

    from training.jobs.runner import Runner, RunnerConfig
    from training.jobs.start import processes
    from training.jobs.store import Store

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    config = RunnerConfig(max_interruptions=max_interruptions)
    runner = Runner(Store(root), processes(cpu_slots, tuple(gpu or ()), ray), config)
    runner.run(stop, until_idle=until_idle)


def _client(root: Path, url: str | None) -> Client:
    """Of jobs that are there: asking after them makes no folder."""
    from training.jobs.store import UnknownJob

    if url:
        return RemoteClient(url, os.environ.get(KEY_VARIABLE))
    if not _begun(root):
        raise UnknownJob(_none_in(root))
    return LocalClient(root)


def _begun(root: Path) -> bool:
    from training.jobs.store import FILE

    return (root / FILE).is_file()


def _none_in(where: Path | str) -> str:
    return f"no jobs in {where}; `vocoder jobs submit student --dataset FOLDER` queues one (--root, --url)"


def _pair(item: str) -> tuple[str, str]:
    from vocoder.errors import InputError

    key, equals, value = item.partition("=")
    if not equals:
        raise InputError(f"--metadata {item}: expected KEY=VALUE")
    return key, value


def _line(job: dict[str, Any]) -> str:
    progress = job["progress"] or {"fraction": 0.0, "eta_seconds": None}
    left = progress["eta_seconds"]
    rest = f", about {left / 60:.0f} min left" if left and job["state"] == "running" else ""
    reason = f": {job['reason']}" if job["reason"] else ""
    return (
        f"{job['id']}  {job['recipe']} {job['name']}  {job['state']} {progress['fraction']:.0%}{rest}{reason}"
    )


def _told(event: dict[str, Any]) -> str:
    data = event["data"]
    if event["kind"] == "log":
        return str(data["line"])
    if event["kind"] == "state":
        return f"-- {data['state']}" + (f": {data['reason']}" if data["reason"] else "")
    figures = "  ".join(f"{k} {v:.4g}" for k, v in data.items() if k not in ("stage", "step", "cpu_seconds"))
    return f"{data['stage']} {data['step']}: {figures}"
