"""The loop: steps, moving average, checkpoints that survive anything, exact resume."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from training.data.ahead import Ahead
from training.data.segments import Segments
from training.distributed import (
    any_of_all,
    average,
    average_terms,
    begin_alike,
    greatest_of_all,
    own_device,
    share,
)
from training.run_log import Listening, RunLog
from training.schedule import OptimizerConfig, learning_rate, make_optimizer
from training.sole_process import sole_process
from training.state import RunState, saved_buffers
from training.terminal import progress_bar, stop_signals
from vocoder.config import Config
from vocoder.device import rounded_products, usable_device
from vocoder.errors import ConfigError, VocoderError
from vocoder.noise import MAX_SEED

PLACES = {"device", "tensorboard"}
AHEAD = 4
"""Batches that are made while a GPU computes a step, by as many threads."""


class TrainerConfig(Config):
    """How long, how fast, where; a run may go on with others of the fields in `PLACES`."""

    steps: int = Field(ge=1)
    minutes: float | None = Field(
        default=None,
        gt=0,
        description="of the clock, after which the run is over if it has not taken its steps by then; "
        "the learning rate falls towards whichever end is nearer",
    )
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    ema: float = Field(default=0.999, ge=0, lt=1, description="decay of the weights' moving average")
    optimizer: OptimizerConfig = OptimizerConfig()
    precision: Literal["float32", "tf32", "bf16"] = Field(
        default="float32",
        description="of products; weights, sums and what is evaluated stay float32; tf32 is a GPU's",
    )
    log_every: int = Field(default=50, ge=1, description="steps")
    evaluate_every: int = Field(default=1000, ge=1, description="steps")
    save_every: int = Field(default=500, ge=1, description="steps")
    device: str = Field(default="cpu", description="a torch device: cpu, cuda, cuda:1")
    tensorboard: bool = Field(default=True, description="events beside the log, where it is installed")


class TrainingDiverged(VocoderError, RuntimeError):
    """A loss, a gradient, a weight or a held-out figure is not finite; the last state saved is sound."""


class Task(ABC):
    """What is optimised: the trainable parameters of `model`; a step's randomness is the step's alone.

    Must implement `loss` and `evaluate`; a task with more than the model to move to a device extends `to`.
    """

    model: nn.Module
    segments: Any = None  # where batches come from, if the task draws segments

    @abstractmethod
    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """The loss of a step, and its terms for the log."""

    @abstractmethod
    def evaluate(self) -> dict[str, float]:
        """Figures on held-out data, with the weights as they are now in `model`."""

    def listen(self) -> Listening | None:
        """A held-out recording and the model's version of it, with the weights as they are now, if any."""
        return None

    def to(self, device: torch.device) -> None:
        """Move there what the loss is computed with."""
        self.model.to(device)

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device


class _Clock:
    """Seconds between `start` and `stop`, in all."""

    def __init__(self) -> None:
        self._before, self._begun = 0.0, math.nan

    def start(self) -> None:
        self._begun = time.monotonic()

    def stop(self) -> None:
        self._before, self._begun = self.seconds(), math.nan

    def seconds(self) -> float:
        return self._before + (0.0 if math.isnan(self._begun) else time.monotonic() - self._begun)


class Trainer:
    """Optimise the trainable parameters of `task.model`; state lives in `folder`.

    `folder/state.safetensors` holds weights, average, optimiser and step; `folder/metrics.jsonl` the log. A
    run that was stopped goes on from its last state, and gives the same losses as one that was not, if it
    ends by steps and not by the clock.

    Raises:
        ConfigError: another process trains in `folder`, or a precision that the device lacks.
        CheckpointError: `folder` has the state of another model.
    """

    def __init__(self, task: Task, config: TrainerConfig, folder: Path) -> None:
        self.task, self.config, self.folder = task, config, folder
        task.to(usable_device(own_device(config.device)))
        if config.precision == "tf32" and task.device.type != "cuda":
            raise ConfigError(
                f"precision: tf32 is a GPU's, and the device is {config.device}; choose float32 or bf16"
            )
        self.parameters = {n: p for n, p in task.model.named_parameters() if p.requires_grad}
        self.average = {n: p.detach().clone() for n, p in self.parameters.items()}
        self.optimizer = make_optimizer(config.optimizer, self.parameters.values())
        self.step = 0
        self.cpu_seconds = self.seconds = 0.0
        self._clock = _Clock()
        self._seconds_before = self._gpu_seconds_before = 0.0  # of processes that this one goes on from
        self.ahead: Ahead | None = None
        if isinstance(task.segments, Segments):
            depth = AHEAD if task.device.type == "cuda" else 0
            task.segments = self.ahead = Ahead(task.segments, depth)
        self._saved: int | None = None  # the step of the state on the disk
        folder.mkdir(parents=True, exist_ok=True)
        self.log = RunLog(folder, tensorboard=config.tensorboard)
        with self._alone():
            self._go_on()
        begin_alike((*self.parameters.values(), *self.average.values()))

    def _go_on(self) -> None:
        """From the last state, if there is one; the log loses what comes again."""
        if self._state_path.exists():
            facts = self._state.read(self._state_path)
            self.step, self.cpu_seconds = int(facts["step"]), float(facts["cpu_seconds"])
            self._seconds_before = float(facts.get("seconds", 0))
            self._gpu_seconds_before = float(facts.get("gpu_seconds", 0))
            self._saved = self.step
        if share().first:
            self.log.go_on_from(self.step)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep the processes of other runs out of the folder; what killed saves left behind goes."""
        if not share().first:
            yield
            return
        with sole_process(self.folder):
            for left in self.folder.glob(f".{self._state_path.name}.*"):
                left.unlink(missing_ok=True)
            yield

    def run(self, *, max_minutes: float | None = None, progress: bool = True) -> bool:
        """Train until the last step, the time limit or a signal; returns whether the run reached its end.

        Raises:
            ConfigError: another process trains in the folder.
            TrainingDiverged: something is not finite, naming it and the step.
        """
        deadline = math.inf if max_minutes is None else time.monotonic() + 60 * max_minutes
        with self._alone(), stop_signals() as stopped, progress_bar(progress and share().first) as bar:
            self._clock.start()
            done, begun = self._done(), self.step
            line = bar.add_task("", total=1.0, note="")
            bar.update(line, completed=done)
            while done < 1:
                if any_of_all(stopped() or time.monotonic() >= deadline, self.task.device):
                    break
                terms = self._train_step(done)
                done = self._done()
                if self.step % self.config.log_every == 0:
                    terms = average_terms(terms, self.task.device)
                    bar.update(line, note="  ".join(f"{k} {v:.4g}" for k, v in terms.items()))
                if share().first:
                    self._keep(terms, last=done >= 1)
                bar.update(line, completed=done)
            if share().first:
                if done >= 1 and self.step == begun and not self._evaluated():
                    self._evaluate()  # the time was over when the run was resumed
                if self._saved != self.step:
                    self.save()
                self.log.close()
            if self.ahead is not None:
                self.ahead.close()
            self._clock.stop()
        return done >= 1

    @property
    def _taken(self) -> float:
        """Seconds of the clock that the run has taken."""
        return self._seconds_before + self._clock.seconds()

    def _done(self) -> float:
        """The share of the run that lies behind, by its steps or by the clock; the same for all processes."""
        steps = self.step / self.config.steps
        if self.config.minutes is None:
            return steps
        return greatest_of_all(max(steps, self._taken / 60 / self.config.minutes), self.task.device)

    def _keep(self, terms: dict[str, float], *, last: bool = False) -> None:
        """Log, evaluate and save, each where its turn is."""
        if self.step % self.config.log_every == 0:
            self._log(terms)
        if self.step % self.config.evaluate_every == 0 or last:
            self._evaluate()
        if self.step % self.config.save_every == 0:
            self.save()

    def _train_step(self, done: float | None = None) -> dict[str, float]:
        """One step, of which the terms are returned; `done` if it is known already."""
        begun, started = time.process_time(), time.perf_counter()
        rate = learning_rate(self.config.optimizer, self.step, self._done() if done is None else done)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with self._precision():
            loss, terms = self.task.loss(self.step)
        self.optimizer.zero_grad(set_to_none=True)
        with rounded_products(tf32=self.config.precision == "tf32"):
            loss.backward()
        average(p.grad for p in self.parameters.values() if p.grad is not None)
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), self.config.optimizer.clip)
        value, gradient = self._finite(loss, norm)
        self.optimizer.step()
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            averages = list(self.average.values())
            torch._foreach_lerp_(averages, [p.detach() for p in self.parameters.values()], 1 - decay)
        self.step += 1
        self.cpu_seconds += time.process_time() - begun
        self.seconds += time.perf_counter() - started
        return {"loss": value, **terms, "gradient": gradient, "lr": rate}

    def _finite(self, loss: Tensor, norm: Tensor) -> tuple[float, float]:
        """Loss and norm of the gradient as numbers: the one look at a device that works ahead.

        Raises `TrainingDiverged`, in all processes, where one of them is not finite in any.
        """
        value, gradient = torch.stack((loss.detach().float(), norm.float().to(loss.device))).tolist()
        if any_of_all(not (math.isfinite(value) and math.isfinite(gradient)), self.task.device):
            what = "the loss is not finite in another process"
            if not math.isfinite(value):
                what = f"the loss is {value}"
            elif not math.isfinite(gradient):
                what = "the gradient is not finite"
            raise self._diverged(what + self._heard())
        return value, gradient

    @contextmanager
    def _precision(self) -> Iterator[None]:
        """Of the products of a step's loss."""
        bf16 = self.config.precision == "bf16"
        with (
            rounded_products(tf32=self.config.precision == "tf32"),
            torch.autocast(self.task.device.type, torch.bfloat16, enabled=bf16),
        ):
            yield

    def _evaluated(self) -> bool:
        """Whether the log has figures of the weights as they are."""
        return bool(curve := self.curve()) and curve[-1]["step"] == self.step

    def _diverged(self, what: str) -> TrainingDiverged:
        return TrainingDiverged(
            f"step {self.step}: {what}; begin in a fresh folder (--output) with a lower optimizer.lr"
        )

    def _heard(self) -> str:
        """The recordings in the step at hand, for who looks into it."""
        if self.ahead is None:
            return ""
        names = self.ahead.segments.names(self.config.seed, self.step)
        return f" on {', '.join(name or '(unnamed)' for name in names)}"

    def _evaluate(self) -> None:
        """Log the held-out figures of the average; raises `TrainingDiverged` for one that is not finite."""
        with self.averaged_weights(), rounded_products(tf32=False):
            figures = self.task.evaluate()
            for name, figure in figures.items():
                if not math.isfinite(figure):
                    raise self._diverged(f"{name} is {figure}")
            self._log(figures)
            if (heard := self.task.listen()) is not None:
                self.log.hear(self.step, heard)

    @contextmanager
    def averaged_weights(self) -> Iterator[None]:
        """The model with its averaged weights, for a while."""
        own = {n: p.detach().clone() for n, p in self.parameters.items()}
        self._put(self.average)
        training = self.task.model.training
        self.task.model.eval()
        try:
            yield
        finally:
            self._put(own)
            self.task.model.train(training)

    def use_average(self) -> None:
        """Leave the averaged weights in the model: training is over."""
        self._put(self.average)

    def curve(self) -> list[dict[str, Any]]:
        """The held-out figures of the log so far."""
        return [line for line in self.log.read() if any(key.startswith("valid_") for key in line)]

    @property
    def gpu_seconds(self) -> float:
        """Of the clock, times GPUs, that the run has taken on some."""
        here = self._clock.seconds() if self.task.device.type == "cuda" else 0.0
        return self._gpu_seconds_before + share().world * here

    @property
    def data_wait(self) -> float:
        """Share of the steps' time, since this process began, in which there was no batch yet."""
        return self.ahead.waited / self.seconds if self.ahead is not None and self.seconds else 0.0

    def save(self) -> None:
        """Write the whole state, atomically; raises `TrainingDiverged` where a weight is not finite."""
        for what, weights in (("weight", self.parameters), ("average of", self.average)):
            for name, weight in weights.items():
                if not weight.isfinite().all():
                    raise self._diverged(f"{what} {name} is not finite")
        facts = {
            "step": str(self.step),
            "cpu_seconds": str(self.cpu_seconds),
            "gpu_seconds": str(self.gpu_seconds),
            "seconds": str(self._taken),
        }
        self._state.write(self._state_path, facts)
        self._saved = self.step

    @torch.no_grad()
    def _put(self, weights: dict[str, Tensor]) -> None:
        for name, parameter in self.parameters.items():
            parameter.copy_(weights[name])

    @property
    def _state(self) -> RunState:
        return RunState(self.parameters, self.average, saved_buffers(self.task.model), self.optimizer)

    @property
    def _state_path(self) -> Path:
        return self.folder / "state.safetensors"

    def _log(self, terms: dict[str, float]) -> None:
        self.log.write(self.step, self.cpu_seconds, terms)
