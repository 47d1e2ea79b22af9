"""Kill the runner and the training processes with -9 at random moments, and see what was lost.

    python -m training.jobs.faults --kills 50 -o docs/faults.md

A few equal jobs are queued; a runner is started and killed again and again, sometimes with the processes that
train, sometimes they alone. In the end every job must have succeeded once, and its figures and weights must
be, to the bit, those of a run that was left in peace.
"""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from training.jobs.attempt import JobFolder
from training.jobs.local import processes_of
from training.jobs.records import Job, JobSpec, State
from training.jobs.store import Store

VICTIMS = ("runner", "training", "both")
_LOOK_SECONDS = 0.05
_UNTIL_IDLE_SECONDS = 1800


@dataclass
class Report:
    """What was done and what came of it; `faults` is empty where nothing was lost."""

    kills: Counter[str] = field(default_factory=Counter)
    jobs: int = 0
    attempts: int = 0
    most_at_once: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def torment(root: Path, spec: JobSpec, *, jobs: int, kills: int, longest: float, seed: int = 0) -> Report:
    """Run `jobs` equal jobs below `root`, killing after up to `longest` seconds each time.

    When all have ended before the last kill, another is queued.
    """
    random_moments, begun = random.Random(seed), time.monotonic()
    peace, store, report = _in_peace(root / "reference", spec), Store(root / "tormented"), Report()
    for _ in range(jobs):
        store.submit(spec)
    while sum(report.kills.values()) < kills:
        if not store.jobs(states=(State.QUEUED, State.RUNNING)):
            store.submit(spec)
        runner = _start_runner(store)
        _watch(store, random_moments.uniform(0, longest), report)
        victim = random_moments.choice(VICTIMS)
        if victim in ("training", "both"):
            for job in store.jobs(states=(State.RUNNING,)):
                _kill_all(processes_of(store.folder(job.id)))
        if victim == "training":
            _watch(store, random_moments.uniform(0, longest), report)
        _kill_all([runner.pid])
        runner.wait()
        report.kills[victim] += 1
    _finish(store)
    report.seconds = time.monotonic() - begun
    _judge(store, peace, report)
    return report


class Result(NamedTuple):
    """What a job came to: its figures in order, without the time they took, and a hash of its weights."""

    figures: list[str]
    weights: str


def _in_peace(root: Path, spec: JobSpec) -> Result:
    store = Store(root)
    job, _ = store.submit(spec)
    _finish(store)
    return _result(store, store.get(job.id))


def _result(store: Store, job: Job) -> Result:
    figures = [
        json.dumps({k: v for k, v in event.data.items() if k != "cpu_seconds"})
        for event in store.events(job.id, limit=1_000_000)
        if event.kind == "metrics"
    ]
    return Result(figures, _weights(store, job))


def _finish(store: Store) -> None:
    command = [*_runner_command(store), "--until-idle"]
    subprocess.run(command, check=True, capture_output=True, timeout=_UNTIL_IDLE_SECONDS)


def _start_runner(store: Store) -> subprocess.Popen[bytes]:
    quiet = subprocess.DEVNULL
    return subprocess.Popen(_runner_command(store), stdout=quiet, stderr=quiet)


def _runner_command(store: Store) -> list[str]:
    options = ["--root", str(store.root), "--cpu-slots", "2", "--max-interruptions", "1000"]
    return [sys.executable, "-m", "vocoder", "jobs", "run", *options]


def _watch(store: Store, seconds: float, report: Report) -> None:
    """Wait, and look how many processes train one job at a time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for job in store.jobs(states=(State.RUNNING,)):
            training = [p for p in processes_of(store.folder(job.id)) if _is_worker(p)]
            report.most_at_once = max(report.most_at_once, len(training))
        time.sleep(_LOOK_SECONDS)


def _is_worker(process: int) -> bool:
    try:
        return b"training.jobs.worker" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def _kill_all(found: list[int]) -> None:
    for process in found:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _judge(store: Store, peace: Result, report: Report) -> None:
    for job in store.jobs(limit=10_000):
        report.jobs += 1
        report.attempts += job.attempts
        report.faults += [f"{job.id}: {fault}" for fault in _faults_of(store, job, peace)]
    if report.most_at_once > 1:
        report.faults.append(f"{report.most_at_once} processes trained one job at a time")


def _faults_of(store: Store, job: Job, peace: Result) -> list[str]:
    if job.state != State.SUCCEEDED:
        return [f"it is {job.state}: {job.reason}"]
    events = store.events(job.id, limit=1_000_000)
    states = [event.data["state"] for event in events if event.kind == "state"]
    figures, weights = _result(store, job)
    faults = []
    if states.count(State.SUCCEEDED) != 1 or states[-1] != State.SUCCEEDED:
        faults.append(f"its states were {states}")
    if len(figures) != len(set(figures)):
        faults.append("figures were told twice")
    if lost := set(peace.figures) - set(figures):
        faults.append(f"{len(lost)} figures were not told, {sorted(lost)[0]} the first")
    if weights != peace.weights:
        faults.append("its weights are not those of the run left in peace")
    return faults


def _weights(store: Store, job: Job) -> str:
    """A hash of all tensors that the job has saved."""
    from safetensors import safe_open

    whole = hashlib.sha256()
    run = JobFolder(store.folder(job.id)).run
    for path in sorted(run.rglob("*.safetensors")):
        with safe_open(path, framework="np") as file:
            for key in sorted(file.keys()):
                whole.update(f"{path.relative_to(run)} {key}".encode() + file.get_tensor(key).tobytes())
    return whole.hexdigest()


def main() -> None:
    import argparse
    import tempfile

    from vocoder.evaluation.report import machine

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--longest", type=float, default=6.0, help="seconds between two kills")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/faults.md"))
    options = parser.parse_args()
    spec = JobSpec(recipe="flow", config={"flow": "planar", "data": "two-moons", "steps": options.steps})
    with tempfile.TemporaryDirectory() as folder:
        report = torment(
            Path(folder),
            spec,
            jobs=options.jobs,
            kills=options.kills,
            longest=options.longest,
            seed=options.seed,
        )
    options.output.write_text(_page(report, options, machine()))
    print(options.output)
    sys.exit(1 if report.faults else 0)


def _page(report: Report, options: Any, machine: Any) -> str:
    rows = "".join(f"| {victim} | {report.kills[victim]} |\n" for victim in VICTIMS)
    attempts = f"{report.jobs} jobs, {report.attempts} attempts"
    asked = (f"--{name} {getattr(options, name):g}" for name in ("kills", "steps", "longest", "seed"))
    command = " ".join(["python -m training.jobs.faults", *asked])
    lost = "\n".join(f"- {fault}" for fault in report.faults) or "Nothing."
    return f"""# Faults

`{command}`;
{time.strftime("%d %B %Y")}; {machine["cores"]} cores, {machine["system"]}; {report.seconds / 60:.0f} minutes.

Jobs of the recipe `flow`, {options.steps} steps each, two at a time. The runner, the processes that train, or
both were killed with -9 after 0 to {options.longest:g} seconds each time.

| killed | times |
| --- | ---: |
{rows}
{attempts}, at most {report.most_at_once} process seen to train one job at a time. A job is sound if it
succeeded once, told every figure of a run left in peace once, and its weights are that run's, to the bit.

What was lost: {lost}
"""


if __name__ == "__main__":
    main()
