"""The loop: steps, moving average, checkpoints that survive anything, exact resume."""

import json
import math
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from safetensors import safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from training.schedule import OptimizerConfig, learning_rate
from vocoder.checkpoints.format import write_atomically
from vocoder.config import Config
from vocoder.errors import CheckpointError, VocoderError


class TrainerConfig(Config):
    steps: int = Field(ge=1)
    seed: int = Field(default=0, ge=0)
    ema: float = Field(default=0.999, ge=0, lt=1, description="decay of the weights' moving average")
    optimizer: OptimizerConfig = OptimizerConfig()
    log_every: int = Field(default=50, ge=1, description="steps")
    evaluate_every: int = Field(default=1000, ge=1, description="steps")
    save_every: int = Field(default=500, ge=1, description="steps")


class TrainingDiverged(VocoderError, RuntimeError):
    """The loss is not a number; the last checkpoint is sound."""


class Task(ABC):
    """What is optimised: the trainable parameters of `model`; a step's randomness is the step's alone."""

    model: nn.Module

    @abstractmethod
    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """The loss of a step, and its terms for the log."""

    @abstractmethod
    def evaluate(self) -> dict[str, float]:
        """Figures on held-out data, with the weights as they are now in `model`."""


class Trainer:
    """Optimise the trainable parameters of `task.model`; state lives in `folder`.

    `folder/state.safetensors` holds weights, average, optimiser and step; `folder/metrics.jsonl` the log. A
    run that was stopped goes on from its last state, and gives the same losses as one that was not.
    """

    def __init__(self, task: Task, config: TrainerConfig, folder: Path) -> None:
        self.task, self.config, self.folder = task, config, folder
        self.parameters = {n: p for n, p in task.model.named_parameters() if p.requires_grad}
        self.average = {n: p.detach().clone() for n, p in self.parameters.items()}
        optimizer = config.optimizer
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(), optimizer.lr, optimizer.betas, weight_decay=optimizer.weight_decay
        )
        self.step = 0
        self.cpu_seconds = 0.0
        folder.mkdir(parents=True, exist_ok=True)
        if self._state_path.exists():
            self._resume()
        else:
            self._log_path.unlink(missing_ok=True)  # of a run that ended before its first save

    def run(self, *, max_minutes: float | None = None, progress: bool = True) -> bool:
        """Train until the last step, the time limit or a signal; returns whether the last step was reached.

        Raises `TrainingDiverged` when the loss is not finite, naming the step.
        """
        deadline = math.inf if max_minutes is None else time.monotonic() + 60 * max_minutes
        with _stop_signals() as stopped, _progress(progress) as bar:
            line = bar.add_task("", total=self.config.steps, completed=self.step, note="")
            while self.step < self.config.steps and not stopped() and time.monotonic() < deadline:
                terms = self._train_step()
                if self.step % self.config.log_every == 0:
                    self._log(terms)
                    bar.update(line, note="  ".join(f"{k} {v:.4g}" for k, v in terms.items()))
                if self.step % self.config.evaluate_every == 0 or self.step == self.config.steps:
                    with self.averaged_weights():
                        self._log(self.task.evaluate())
                if self.step % self.config.save_every == 0:
                    self.save()
                bar.update(line, completed=self.step)
            self.save()
        return self.step >= self.config.steps

    def _train_step(self) -> dict[str, float]:
        begun = time.process_time()
        rate = learning_rate(self.config.optimizer, self.step, self.config.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss, terms = self.task.loss(self.step)
        if not torch.isfinite(loss):
            raise TrainingDiverged(
                f"step {self.step}: the loss is {loss.item()}; lower optimizer.lr and resume"
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), self.config.optimizer.clip)
        if not torch.isfinite(norm):
            raise TrainingDiverged(
                f"step {self.step}: the gradient is not finite; lower optimizer.lr and resume"
            )
        self.optimizer.step()
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            averages = list(self.average.values())
            torch._foreach_lerp_(averages, [p.detach() for p in self.parameters.values()], 1 - decay)
        self.step += 1
        self.cpu_seconds += time.process_time() - begun
        return {"loss": loss.item(), **terms, "gradient": norm.item(), "lr": rate}

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
        return [line for line in self._read_log() if any(key.startswith("valid_") for key in line)]

    @torch.no_grad()
    def _put(self, weights: dict[str, Tensor]) -> None:
        for name, parameter in self.parameters.items():
            parameter.copy_(weights[name])

    @property
    def _state_path(self) -> Path:
        return self.folder / "state.safetensors"

    def save(self) -> None:
        """Write the whole state, atomically."""
        tensors = {f"model.{n}": p.detach() for n, p in self.parameters.items()}
        tensors |= {f"average.{n}": p for n, p in self.average.items()}
        tensors |= {f"buffer.{n}": b for n, b in self._buffers()}
        for name, parameter in self.parameters.items():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer.{key}.{name}"] = value
        facts = {"step": str(self.step), "cpu_seconds": str(self.cpu_seconds)}
        write_atomically(
            self._state_path, to_bytes({k: v.cpu().contiguous() for k, v in tensors.items()}, facts)
        )

    @torch.no_grad()
    def _resume(self) -> None:
        with safe_open(self._state_path, framework="pt") as file:
            facts, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        for name, parameter in self.parameters.items():
            if f"model.{name}" not in tensors or tensors[f"model.{name}"].shape != parameter.shape:
                raise CheckpointError(
                    f"{self._state_path} was written by a run of another model ({name} differs): "
                    "resume with the configuration it began with, or train into a fresh folder"
                )
            parameter.copy_(tensors[f"model.{name}"])
            self.average[name].copy_(tensors[f"average.{name}"])
            keys = [k for k in tensors if k.startswith("optimizer.") and k.split(".", 2)[2] == name]
            state = {k.split(".", 2)[1]: tensors[k] for k in keys}
            if state:
                moved = {k: v if k == "step" else v.to(parameter.device) for k, v in state.items()}
                self.optimizer.state[parameter] = moved
        for name, buffer in self._buffers():
            if f"buffer.{name}" in tensors:
                buffer.copy_(tensors[f"buffer.{name}"])
        self.step, self.cpu_seconds = int(facts["step"]), float(facts["cpu_seconds"])
        kept = [line for line in self._read_log() if line["step"] <= self.step]  # later steps come again
        write_atomically(self._log_path, "".join(json.dumps(line) + "\n" for line in kept).encode())

    def _buffers(self) -> list[tuple[str, Tensor]]:
        """What the model keeps beside its parameters: running moments, what was initialised."""
        saved = self.task.model.state_dict()
        return [(n, b) for n, b in self.task.model.named_buffers() if n in saved]

    @property
    def _log_path(self) -> Path:
        return self.folder / "metrics.jsonl"

    def _log(self, terms: dict[str, float]) -> None:
        line = {"step": self.step, "cpu_seconds": round(self.cpu_seconds, 1), **terms}
        with self._log_path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _read_log(self) -> list[dict[str, Any]]:
        if not self._log_path.exists():
            return []
        return [json.loads(line) for line in self._log_path.read_text().splitlines() if line.endswith("}")]


@contextmanager
def _stop_signals() -> Iterator[Callable[[], bool]]:
    """Ctrl-C and SIGTERM end the run after the step at hand, with its state saved."""
    caught: list[int] = []
    previous = {
        s: signal.signal(s, lambda number, _: caught.append(number)) for s in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield lambda: bool(caught)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _progress(enabled: bool) -> Progress:
    columns: list[Any] = [*Progress.get_default_columns()[:3], TimeElapsedColumn(), TimeRemainingColumn()]
    note = TextColumn("{task.fields[note]}")
    return Progress(*columns, note, console=Console(stderr=True), disable=not enabled)
