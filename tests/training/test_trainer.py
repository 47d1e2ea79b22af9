"""The loop on a problem small enough to know: resume is exact, divergence is named, averages are used."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE

import pytest
import torch
from torch import Tensor, nn

from training.schedule import OptimizerConfig, learning_rate
from training.trainer import Task, Trainer, TrainerConfig, TrainingDiverged
from vocoder.config import parse_config
from vocoder.errors import CheckpointError, ConfigError

CONFIG = TrainerConfig(
    steps=20, optimizer=OptimizerConfig(lr=0.05, warmup=3), log_every=1, evaluate_every=10, save_every=7
)


class Regression(Task):
    """Recover a line from noisy samples of it, drawn anew from the number of the step."""

    def __init__(self, width: int = 4) -> None:
        torch.manual_seed(0)
        self.width = width
        self.model = nn.Linear(width, 1)

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        generator = torch.Generator().manual_seed(step)
        x = torch.randn(8, self.width, generator=generator)
        loss = (self.model(x) - x.sum(1, keepdim=True)).square().mean()
        return loss, {"x": x[0, 0].item()}

    def evaluate(self) -> dict[str, float]:
        return {"valid_weight": next(self.model.parameters()).sum().item()}


def log(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "cpu_seconds"} for line in lines]


class DeepRegression(Regression):
    """With a weight that is a matrix and one that is none."""

    def __init__(self) -> None:
        super().__init__(width=16)
        self.model = nn.Sequential(nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))


@pytest.mark.parametrize(("task", "kind"), [(Regression, "adamw"), (DeepRegression, "muon")])
def test_a_stopped_run_goes_on_exactly(tmp_path: Path, task: type[Regression], kind: str) -> None:
    optimizer = CONFIG.optimizer.model_copy(update={"kind": kind})
    config = CONFIG.model_copy(update={"optimizer": optimizer})
    whole = Trainer(task(), config, tmp_path / "whole")
    assert whole.run(progress=False)
    first = Trainer(task(), config, tmp_path / "parts")
    for _ in range(11):
        first._log(first._train_step())
    first.save()
    second = Trainer(task(), config, tmp_path / "parts")
    assert second.step == 11
    assert second.run(progress=False)
    losses = [[line["loss"] for line in log(tmp_path / f) if "loss" in line] for f in ("whole", "parts")]
    assert losses[0] == losses[1]
    for name, value in whole.average.items():
        assert torch.equal(value, second.average[name])


class NormalizedRegression(Regression):
    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.BatchNorm1d(self.width), self.model)

    def evaluate(self) -> dict[str, float]:
        return {}


def test_running_moments_are_resumed(tmp_path: Path) -> None:
    first = Trainer(NormalizedRegression(), CONFIG, tmp_path)
    first._train_step()
    first.save()
    second = Trainer(NormalizedRegression(), CONFIG, tmp_path)
    expected = dict(first.task.model.named_buffers())
    for name, buffer in second.task.model.named_buffers():
        assert torch.equal(buffer, expected[name])


def test_a_time_limit_saves_and_says_so(tmp_path: Path) -> None:
    trainer = Trainer(Regression(), CONFIG, tmp_path)
    assert not trainer.run(max_minutes=0.0, progress=False)
    assert (tmp_path / "state.safetensors").exists()


def test_divergence_names_the_step_and_keeps_the_last_state(tmp_path: Path) -> None:
    task = Regression()
    trainer = Trainer(task, CONFIG, tmp_path)
    for _ in range(7):
        trainer._train_step()
    trainer.save()
    with torch.no_grad():
        task.model.weight.fill_(torch.nan)
    with pytest.raises(TrainingDiverged, match="step 7"):
        trainer.run(progress=False)
    assert torch.isfinite(Trainer(Regression(), CONFIG, tmp_path).task.model.weight).all()


class Failing(Regression):
    """Of which the loss, or the gradient alone, is not finite in step 3."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        loss, terms = super().loss(step)
        if step == 3 and self.what == "loss":
            loss = loss * torch.inf
        if step == 3 and self.what == "gradient":
            loss = loss + (self.model.weight - self.model.weight.detach()).abs().pow(0.5).sum()
        return loss, terms


@pytest.mark.parametrize(("what", "told"), [("loss", "the loss is inf"), ("gradient", "the gradient is not")])
def test_no_step_is_taken_on_what_is_not_finite(tmp_path: Path, what: str, told: str) -> None:
    trainer = Trainer(Failing(what), CONFIG, tmp_path)
    for _ in range(3):
        trainer._train_step()
    before = [value.clone() for value in (*trainer.parameters.values(), *trainer.average.values())]
    with pytest.raises(TrainingDiverged, match=rf"step 3: {told}.*begin in a fresh folder \(--output\) with"):
        trainer._train_step()
    for value, old in zip((*trainer.parameters.values(), *trainer.average.values()), before, strict=True):
        assert torch.equal(value, old)


def test_a_step_is_looked_at_once_when_all_of_it_is_on_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look waits for a GPU: none before the backward pass is launched."""
    trainer, order = Trainer(Regression(), CONFIG, tmp_path), []
    trainer.parameters["weight"].register_hook(lambda gradient: order.append("backward"))
    monkeypatch.setattr("training.trainer.any_of_all", lambda value, device: order.append("look") or value)
    trainer._train_step()
    assert order == ["backward", "look"]


@pytest.mark.parametrize("part", ["parameters", "average"])
def test_a_state_that_is_not_finite_is_not_saved(tmp_path: Path, part: str) -> None:
    trainer = Trainer(Regression(), CONFIG, tmp_path)
    trainer._train_step()
    trainer.save()
    sound = (tmp_path / "state.safetensors").read_bytes()
    trainer._train_step()
    with torch.no_grad():
        getattr(trainer, part)["weight"][0, 1] = torch.inf
    with pytest.raises(TrainingDiverged, match=r"step 2: .*weight is not finite"):
        trainer.save()
    assert (tmp_path / "state.safetensors").read_bytes() == sound


class Unmeasurable(Regression):
    def evaluate(self) -> dict[str, float]:
        return {"valid_weight": 1.0, "valid_bits": float("nan")}


def test_a_held_out_figure_that_is_none_ends_the_run_and_is_not_logged(tmp_path: Path) -> None:
    with pytest.raises(TrainingDiverged, match="step 10: valid_bits is nan"):
        Trainer(Unmeasurable(), CONFIG, tmp_path).run(progress=False)
    assert not any("valid_weight" in line for line in log(tmp_path))
    assert Trainer(Regression(), CONFIG, tmp_path).step == 7


@pytest.mark.parametrize("minutes", [None, 0.0], ids=["finished", "without time"])
def test_without_a_step_the_state_stays_as_it_is(tmp_path: Path, minutes: float | None) -> None:
    if minutes is None:
        assert Trainer(Regression(), CONFIG, tmp_path).run(progress=False)
    else:
        trainer = Trainer(Regression(), CONFIG, tmp_path)
        trainer._train_step()
        trainer.save()
    before = (tmp_path / "state.safetensors").stat()
    Trainer(Regression(), CONFIG, tmp_path).run(max_minutes=minutes, progress=False)
    after = (tmp_path / "state.safetensors").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


HOLDER = """
import sys
from pathlib import Path
from training.sole_process import sole_process

with sole_process(Path(sys.argv[1])):
    print("in", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts a process that is in the folder until it is killed."""
    started = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, str(tmp_path)]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        started.append(subprocess.Popen(command, env=environment, stdin=PIPE, stdout=PIPE, text=True))
        assert started[-1].stdout.readline() == "in\n"
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_one_process_trains_in_a_folder(tmp_path: Path, holder: Callable[[], subprocess.Popen[str]]) -> None:
    """Another is refused before it touches anything; when the first was killed, it may go on."""
    early = Trainer(Regression(), CONFIG, tmp_path)
    early._log(early._train_step())  # of a step that is not saved
    lines, other = (tmp_path / "metrics.jsonl").read_bytes(), holder()
    half = tmp_path / f".state.safetensors.{other.pid}"
    half.touch()
    with pytest.raises(ConfigError, match=rf"\(pid {other.pid}\) trains in .*another with --output"):
        Trainer(Regression(), CONFIG, tmp_path)
    with pytest.raises(ConfigError, match="wait for it"):
        early.run(progress=False)
    assert (tmp_path / "metrics.jsonl").read_bytes() == lines
    assert half.exists()
    other.kill()
    other.wait()
    assert Trainer(Regression(), CONFIG, tmp_path).run(progress=False)
    assert not half.exists()
    assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_evaluation_sees_the_average_and_training_goes_on_with_its_own(tmp_path: Path) -> None:
    trainer = Trainer(Regression(), CONFIG, tmp_path)
    for _ in range(5):
        trainer._train_step()
    own = trainer.task.model.weight.detach().clone()
    with trainer.averaged_weights():
        assert torch.equal(trainer.task.model.weight, trainer.average["weight"])
        assert not torch.equal(trainer.task.model.weight, own)
    assert torch.equal(trainer.task.model.weight, own)


def test_a_state_of_another_model_is_refused(tmp_path: Path) -> None:
    Trainer(Regression(4), CONFIG, tmp_path).save()
    with pytest.raises(CheckpointError, match="weight differs"):
        Trainer(Regression(5), CONFIG, tmp_path)


def test_schedule_warms_up_holds_and_falls() -> None:
    config = OptimizerConfig(lr=1.0, warmup=10, decay=0.5, final=0.1)
    rates = [learning_rate(config, step, step / 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[20:50] == [1.0] * 30
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert learning_rate(config, 100, 1.0) == pytest.approx(0.1)


@pytest.mark.parametrize("betas", [(1.0, 0.9), (0.9, 1.0), (-0.1, 0.9)])
def test_betas_are_shares(betas: tuple[float, float]) -> None:
    with pytest.raises(ConfigError, match=r"optimizer\.betas\.\d: Input should be (less|greater) than"):
        parse_config(TrainerConfig, {"steps": 1, "optimizer": {"betas": betas}}, "it")


def test_seeds_are_those_that_torch_takes(tmp_path: Path) -> None:
    config = parse_config(TrainerConfig, {"steps": 1, "seed": 2**63 - 1}, "it")
    torch.Generator().manual_seed(config.seed)
    with pytest.raises(ConfigError, match="seed: Input should be less than or equal to"):
        parse_config(TrainerConfig, {"steps": 1, "seed": 2**63}, "it")


def test_a_run_killed_before_its_first_save_begins_its_log_anew(tmp_path: Path) -> None:
    for _ in range(2):
        trainer = Trainer(Regression(), CONFIG, tmp_path)
        trainer._log(trainer._train_step())
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 1


def test_a_killed_run_goes_on_exactly(tmp_path: Path) -> None:
    """SIGKILL between two saves: what was done since the last one is done again, with the same losses."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert Trainer(Regression(), CONFIG, whole).run(progress=False)
    script = f"""
import importlib.util, os, signal
from pathlib import Path
spec = importlib.util.spec_from_file_location("here", {__file__!r})
here = importlib.util.module_from_spec(spec)
spec.loader.exec_module(here)

class Killed(here.Regression):
    def loss(self, step):
        if step == 11:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().loss(step)

here.Trainer(Killed(), here.CONFIG, Path({str(killed)!r})).run(progress=False)
"""
    assert subprocess.run([sys.executable, "-c", script], timeout=120).returncode == -signal.SIGKILL
    assert log(killed)[-1]["step"] == 11
    again = Trainer(Regression(), CONFIG, killed)
    assert again.step == 7
    assert again.run(progress=False)
    assert log(killed) == log(whole)


class Clock:
    """Instead of the module `time`: a second goes by between one look at the clock and the next."""

    def __init__(self) -> None:
        self.now = 0.0
        self.perf_counter, self.process_time = time.perf_counter, time.process_time

    def monotonic(self) -> float:
        self.now += 1.0
        return self.now


BY_THE_CLOCK = CONFIG.model_copy(
    update={"steps": 10**9, "minutes": 1.0, "evaluate_every": 10**9, "tensorboard": False}
)


def test_a_run_may_end_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.trainer.time", Clock())
    trainer = Trainer(Regression(), BY_THE_CLOCK, tmp_path)
    assert trainer.run(progress=False)
    lines = log(tmp_path)
    assert "valid_weight" in lines[-1]
    rates = [line["lr"] for line in lines if "lr" in line]
    assert len(rates) == trainer.step > 10
    assert rates[-1] < 0.1 * max(rates)
    assert Trainer(Regression(), BY_THE_CLOCK, tmp_path).run(progress=False)
    assert log(tmp_path) == lines


def test_the_clock_goes_on_where_a_run_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.trainer.time", Clock())
    assert not Trainer(Regression(), BY_THE_CLOCK, tmp_path).run(max_minutes=0.5, progress=False)
    half = Trainer(Regression(), BY_THE_CLOCK, tmp_path)
    assert 0.3 < half._done() < 0.7
    assert half.run(progress=False)
    whole = Trainer(Regression(), BY_THE_CLOCK, tmp_path / "whole")
    assert whole.run(progress=False)
    assert half.step == pytest.approx(whole.step, rel=0.25)


def test_a_run_whose_time_was_over_when_it_was_stopped_is_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.trainer.time", Clock())
    Trainer(Regression(), BY_THE_CLOCK, tmp_path).run(max_minutes=0.5, progress=False)
    shorter = BY_THE_CLOCK.model_copy(update={"minutes": 0.1})
    assert Trainer(Regression(), shorter, tmp_path).run(progress=False)
    assert "valid_weight" in log(tmp_path)[-1]


def test_tf32_is_refused_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tf32 is a GPU's"):
        Trainer(Regression(), CONFIG.model_copy(update={"precision": "tf32"}), tmp_path)
