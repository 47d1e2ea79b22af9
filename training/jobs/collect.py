"""From the files of a running job to its events: new log lines, new figures, how far it is."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from training.jobs.attempt import JobFolder, Plan
from training.jobs.records import Job, Progress
from training.jobs.store import Store
from vocoder.config import Config

MAX_LINE = 4096
MAX_BYTES = 1 << 20  # of one file at a time: a follower sees the rest a moment later
LOG = "log.txt"


class Position(Config):
    """How far a file of metrics was read, as (step, place among the lines of that step).

    A resumed run writes its file anew, without the steps that come again: those up to `known` are events
    already. `since` is (time, step) of the first look in the attempt.
    """

    inode: int = 0
    offset: int = 0
    read: tuple[int, int] = (-1, 0)
    known: tuple[int, int] = (-1, 0)
    token: str | None = None
    since: tuple[float, int] | None = None


def collect(store: Store, job: Job, folder: JobFolder) -> bool:
    """Turn what is new in the job's files into events; each line becomes one event, once.

    Returns whether a file was too long to be read whole: the rest comes with the next call.
    """
    more = _collect_log(store, job, folder.log)
    plan = folder.plan()
    stages = {
        file.parent.relative_to(folder.run).as_posix(): file for file in folder.run.rglob("metrics.jsonl")
    }
    for stage in sorted(stages, key=lambda name: [*plan.stages, name].index(name)):  # in their order
        more |= _collect_metrics(store, job, stages[stage], stage, plan)
    if not job.lineage and (lineage := _lineage(folder.run / "recipe.json", job, plan)):
        store.collect(job.id, "lineage", None, [], lineage=lineage)
    return more


def collect_rest(store: Store, job: Job, folder: JobFolder) -> None:
    """All that is left in the files of a job whose process is gone, also a last line without an end."""
    while collect(store, store.get(job.id), folder):
        pass
    begin = store.position(job.id, LOG) or 0
    if folder.log.exists() and (rest := folder.log.read_bytes()[begin:]):
        line = rest.decode(errors="replace")[:MAX_LINE]
        store.collect(job.id, LOG, begin + len(rest), [("log", {"line": line})])


def _collect_log(store: Store, job: Job, file: Path) -> bool:
    begin = store.position(job.id, LOG) or 0
    text, end, more = _whole_lines(file, begin)
    if end > begin:
        lines = text.decode(errors="replace").splitlines()
        store.collect(job.id, LOG, end, [("log", {"line": line[:MAX_LINE]}) for line in lines])
    return more


def _collect_metrics(store: Store, job: Job, file: Path, stage: str, plan: Plan) -> bool:
    saved = store.position(job.id, f"metrics:{stage}")
    old = Position.model_validate(saved) if saved else Position()
    stat = file.stat()
    same = (old.inode, old.token) == (stat.st_ino, job.token) and stat.st_size >= old.offset
    text, end, more = _whole_lines(file, old.offset if same else 0)
    if not text:
        return more
    read, events = old.read if same else (-1, 0), []
    for line in _parsed(text):
        step = int(line["step"])
        read = (step, read[1] + 1 if step == read[0] else 0)
        if read > old.known:
            events.append(line)
    position = Position(
        inode=stat.st_ino,
        offset=end,
        read=read,
        known=max(read, old.known),
        token=job.token,
        since=old.since if same and old.since else (stat.st_mtime, read[0]),
    )
    progress = _progress(store.get(job.id), stage, events, plan, position, stat.st_mtime)
    data = [("metrics", {"stage": stage, **line}) for line in events]
    store.collect(job.id, f"metrics:{stage}", position.model_dump(), data, progress)
    return more


def _parsed(text: bytes) -> list[dict[str, Any]]:
    """The lines that are whole: one can be torn where the machine lost power. What is no number is null."""
    lines = []
    for line in text.splitlines():
        with suppress(ValueError):
            lines.append(json.loads(line, parse_constant=lambda _: None))
    return [line for line in lines if isinstance(line, dict) and isinstance(line.get("step"), int)]


def _progress(
    job: Job, stage: str, lines: list[dict[str, Any]], plan: Plan, position: Position, now: float
) -> Progress | None:
    step = position.read[0]
    if stage not in plan.stages or step < 0:
        return None
    names = list(plan.stages)
    done = sum(plan.stages[name] for name in names[: names.index(stage)]) + step
    total = sum(plan.stages.values())
    begun, first = position.since or (now, step)
    rate = (step - first) / (now - begun) if now > begun else 0.0
    metrics = dict(job.progress.metrics) if job.progress and job.progress.stage == stage else {}
    for line in lines:
        metrics |= {k: v for k, v in line.items() if isinstance(v, int | float) and k != "step"}
    return Progress(
        stage=stage,
        step=step,
        steps=plan.stages[stage],
        fraction=done / total,
        eta_seconds=(total - done) / rate if rate > 0 else None,
        metrics=metrics,
    )


def _lineage(file: Path, job: Job, plan: Plan) -> dict[str, Any] | None:
    """What the voice is made of: the recordings by their hash, and the teacher with its own."""
    try:
        data_hash = json.loads(file.read_text())["data_hash"]
    except FileNotFoundError:
        return None
    data = job.spec.config.get("data", {})
    return {"data": {"root": data.get("root"), "hash": data_hash}, "teacher": plan.teacher}


def _whole_lines(file: Path, begin: int) -> tuple[bytes, int, bool]:
    """Bytes from `begin` to the end of the last whole line, where that is, and whether there may be more."""
    try:
        with file.open("rb") as opened:
            opened.seek(begin)
            text = opened.read(MAX_BYTES)
    except FileNotFoundError:
        return b"", begin, False
    more = len(text) == MAX_BYTES
    end = text.rfind(b"\n") + 1
    if not end and more:
        end = MAX_BYTES  # one endless line
    return text[:end], begin + end, more
