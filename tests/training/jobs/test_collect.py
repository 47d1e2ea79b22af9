"""Files of a job become events, each line once, also when a resumed run writes its figures anew."""

import json
from pathlib import Path

import pytest

from training.jobs.attempt import JobFolder, Plan
from training.jobs.collect import collect, collect_rest
from training.jobs.records import Job, JobSpec
from training.jobs.store import Store
from vocoder.checkpoints.format import write_atomically


class Running:
    """A job whose files the test writes."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root)
        job, _ = self.store.submit(JobSpec(recipe="student", config={"data": {"root": "here"}}))
        self.folder = JobFolder(self.store.folder(job.id))
        self.folder.announce(Plan(stages={"pitch": 10, "filters": 30}))
        self.job = self.claim(job)

    def claim(self, job: Job) -> Job:
        claimed = self.store.claim(job.id, "cpu:0")
        assert claimed is not None
        return claimed

    def interrupt(self) -> None:
        self.store.requeue(self.job, "interrupted", 1)
        self.job = self.claim(self.job)

    def metrics(self, stage: str, *steps: int, anew: bool = False) -> None:
        path = self.folder.run / stage / "metrics.jsonl"
        text = "".join(json.dumps({"step": step, "loss": 1 / step}) + "\n" for step in steps)
        old = path.read_text() if path.exists() and not anew else ""
        write_atomically(path, (old + text).encode()) if anew else self._append(path, text)

    def _append(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(text)

    def told(self, kind: str) -> list[dict]:
        collect(self.store, self.job, self.folder)
        return [event.data for event in self.store.events(self.job.id) if event.kind == kind]


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(tmp_path)


def test_log_lines_are_told_once_and_whole(running: Running) -> None:
    running.folder.log.write_text("one\ntw")
    assert [data["line"] for data in running.told("log")] == ["one"]
    with running.folder.log.open("a") as file:
        file.write("o\nthree\n")
    assert [data["line"] for data in running.told("log")] == ["one", "two", "three"]


def test_all_that_a_process_printed_is_told_when_it_is_gone(running: Running) -> None:
    """Also what is longer than one look takes, and a last line without an end."""
    lines = [f"{i:06} " + "x" * 1000 for i in range(2500)]
    running.folder.log.write_text("\n".join([*lines, "Killed"]))
    collect_rest(running.store, running.job, running.folder)
    told = running.store.events(running.job.id, limit=10_000)
    assert [event.data["line"] for event in told if event.kind == "log"] == [*lines, "Killed"]


def test_what_is_no_number_is_null(running: Running) -> None:
    (running.folder.run / "pitch").mkdir(parents=True)
    line = '{"step": 3, "loss": NaN, "valid_frequency": Infinity, "lr": 0.1}\n'
    (running.folder.run / "pitch" / "metrics.jsonl").write_text(line)
    (data,) = running.told("metrics")
    assert (data["loss"], data["valid_frequency"], data["lr"]) == (None, None, 0.1)
    progress = running.store.get(running.job.id).progress
    assert progress is not None
    assert progress.metrics == {"lr": 0.1}


def test_steps_that_come_again_are_told_once(running: Running) -> None:
    running.metrics("pitch", 1, 2, 3, 4)
    running.told("metrics")
    running.interrupt()
    running.metrics("pitch", 1, 2, anew=True)
    running.told("metrics")
    running.metrics("pitch", 3, 4, 5)
    assert [data["step"] for data in running.told("metrics")] == [1, 2, 3, 4, 5]


def test_two_lines_of_one_step_are_both_told(running: Running) -> None:
    running.metrics("pitch", 1, 2)
    running.told("metrics")
    running.metrics("pitch", 2)
    running.told("metrics")
    running.interrupt()
    running.metrics("pitch", 1, anew=True)
    running.told("metrics")
    running.metrics("pitch", 2, 2, 2)
    assert [data["step"] for data in running.told("metrics")] == [1, 2, 2, 2]


def test_what_was_resumed_before_anyone_looked_is_told_once(running: Running) -> None:
    running.metrics("pitch", 1, 2, 3)
    running.told("metrics")
    running.interrupt()
    running.metrics("pitch", 1, 2, 3, 4, 5, anew=True)
    assert [data["step"] for data in running.told("metrics")] == [1, 2, 3, 4, 5]


def test_a_torn_line_stops_nothing(running: Running) -> None:
    running.metrics("pitch", 1)
    with (running.folder.run / "pitch" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2, "lo\n')
    running.metrics("pitch", 3)
    assert [data["step"] for data in running.told("metrics")] == [1, 3]


def test_progress_counts_the_steps_of_all_stages(running: Running) -> None:
    running.metrics("pitch", 5, 10)
    running.metrics("filters", 10)
    running.told("metrics")
    progress = running.store.get(running.job.id).progress
    assert progress is not None
    assert (progress.stage, progress.step, progress.steps, progress.fraction) == ("filters", 10, 30, 0.5)
    assert progress.metrics == {"loss": 0.1}


@pytest.mark.parametrize(
    "teacher", [None, {"checkpoint": "/voices/teacher.safetensors", "data_hash": "0f1e"}]
)
def test_the_record_names_the_data_and_the_teacher(running: Running, teacher: dict[str, str] | None) -> None:
    running.folder.announce(Plan(stages={"pitch": 10, "filters": 20}, teacher=teacher))
    (running.folder.run).mkdir(exist_ok=True)
    (running.folder.run / "recipe.json").write_text(json.dumps({"recipe": {}, "data_hash": "abc"}))
    running.told("log")
    lineage = running.store.get(running.job.id).lineage
    assert lineage == {"data": {"root": "here", "hash": "abc"}, "teacher": teacher}
