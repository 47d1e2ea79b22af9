"""Two processes are one run, with the losses of one that has the whole batch; the death of one ends it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from training.distributed import Share
from vocoder.errors import ConfigError

SCRIPT = Path(__file__).with_name("distributed_run.py")
PATIENCE = Path(__file__).with_name("patience_run.py")


def run(processes: int, *arguments: str, script: Path = SCRIPT) -> int:
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [sys.executable, *(launcher if processes > 1 else []), str(script), *arguments]
    environment = os.environ | {"PYTHONPATH": str(SCRIPT.parents[2]), "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    print(ended.stderr)  # shown where a test fails
    return ended.returncode


def log(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "cpu_seconds"} for line in lines]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    assert run(1, str(folder)) == 0
    return folder


def test_two_processes_train_as_one(alone: Path, tmp_path: Path) -> None:
    assert run(2, str(tmp_path)) == 0
    assert len(log(tmp_path)) == len(log(alone)) == 22
    for ours, theirs in zip(log(tmp_path), log(alone), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-6)


def test_the_death_of_one_ends_the_run_and_the_next_goes_on(alone: Path, tmp_path: Path) -> None:
    assert run(2, str(tmp_path), "10") != 0
    assert log(tmp_path)[-1]["step"] <= 10
    assert run(2, str(tmp_path)) == 0
    for ours, theirs in zip(log(tmp_path), log(alone), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-6)


def test_two_processes_end_by_the_same_clock(tmp_path: Path) -> None:
    assert run(2, str(tmp_path), "minutes=0.02") == 0
    lines = log(tmp_path)
    rates = [line["lr"] for line in lines if "lr" in line]
    assert "valid_weight" in lines[-1]
    assert rates[-1] < 0.5 * max(rates)


def test_who_prepares_alone_is_waited_for_longer_than_others(tmp_path: Path) -> None:
    for where, succeeds in (("alone", True), ("meanwhile", False)):
        (tmp_path / where).mkdir()
        assert (run(2, where, str(tmp_path / where), script=PATIENCE) == 0) == succeeds, where


def test_rows_are_each_someones() -> None:
    rows = [row for rank in range(4) for row in Share(rank, 4).rows(8)]
    assert rows == list(range(8))


def test_a_batch_that_cannot_be_divided_is_refused() -> None:
    with pytest.raises(ConfigError, match="give a multiple of 3"):
        Share(0, 3).rows(8)
