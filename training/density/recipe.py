"""One flow, one set: train, measure on held-out data, draw."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, cast

import torch
from pydantic import Field

from training.density import pictures
from training.density.best import Best
from training.density.image_model import ImageModel, make_dequantization
from training.density.plane import plane_set
from training.density.tasks import DigitsTask, PlaneTask
from training.density.zoo import DIGITS, PLANE, Entry, choose
from training.schedule import OptimizerConfig
from training.trainer import Trainer, TrainerConfig
from vocoder.config import Config
from vocoder.errors import ConfigError

Bound = Literal["uniform", "variational"]
EVALUATIONS = 12
"""In a run; of images those decide where it stops."""
DPI = 110


class DensityConfig(Config):
    """Everything that decides the trained density."""

    flow: str
    data: str
    dequantization: Bound = "uniform"
    steps: int | None = Field(default=None, ge=1, description="by default the flow's own number")
    seed: int = Field(default=0, ge=0, lt=2**31)

    @property
    def name(self) -> str:
        """Of the run, its folder and its picture."""
        variational = ["variational"] * (self.dequantization == "variational")
        return "-".join([self.data, self.flow, *variational, *[f"seed{self.seed}"] * (self.seed > 0)])


@dataclass(frozen=True)
class DensityResult:
    """What a run came to.

    In the plane `nats` of held-out points (a density) and by how much they exceed those of the true density
    on the same points, whose expectation is the Kullback-Leibler divergence; of digits `bits_per_dim`, an
    upper bound by the dequantization, of the test images by the weights that the validation images chose.
    """

    config: DensityConfig
    num_parameters: int
    steps: int
    cpu_seconds: float
    nats: float | None = None
    excess_nats: float | None = None
    entropy_nats: float | None = None
    bits_per_dim: float | None = None

    def describe(self) -> str:
        """One line for people."""
        if self.bits_per_dim is not None:
            return f"at most {self.bits_per_dim:.3f} bits per dimension, {self.config.dequantization} bound"
        return f"{self.nats:.3f} nats held out, {self.excess_nats:.3f} above the true density"


def train_density(
    config: DensityConfig, folder: Path, *, progress: bool = True, max_minutes: float | None = None
) -> DensityResult | None:
    """Train, and write `result.json` and `picture.png` to `folder`; None if stopped before the last step.

    The same call goes on where a stopped run left off.

    Raises:
        ConfigError: an unknown flow or set, or a dequantization of what is not discrete.
    """
    torch.manual_seed(config.seed)
    task, entry = _plane_task(config) if config.data != "digits" else _digits_task(config, folder)
    steps = config.steps or entry.steps
    optimizer = OptimizerConfig(lr=entry.lr, warmup=min(100, steps // 4), decay=0.7)
    trainer = Trainer(
        task,
        TrainerConfig(
            steps=steps,
            ema=0.995,
            optimizer=optimizer,
            log_every=10,
            evaluate_every=max(1, steps // EVALUATIONS),
            save_every=max(1, steps // 5),
        ),
        folder,
    )
    if not trainer.run(progress=progress, max_minutes=max_minutes):
        return None
    result = DensityResult(
        config=config,
        num_parameters=sum(p.numel() for p in task.model.parameters()),
        steps=steps,
        cpu_seconds=round(trainer.cpu_seconds, 1),
        **(_measure_plane if isinstance(task, PlaneTask) else _measure_digits)(trainer, folder),
    )
    content = asdict(result) | {"config": config.model_dump()}
    (folder / "result.json").write_text(json.dumps(content, indent=2) + "\n")
    return result


def _measure_plane(trainer: Trainer, folder: Path) -> dict[str, float]:
    """By the averaged weights."""
    task = cast(PlaneTask, trainer.task)
    with trainer.averaged_weights(), task.fitted():
        figures = task.evaluate()
        pictures.plane(task).savefig(folder / "picture.png", dpi=DPI)
    return {
        "nats": figures["valid_nats"],
        "excess_nats": figures["valid_excess_nats"],
        "entropy_nats": task.points.entropy(),
    }


def _measure_digits(trainer: Trainer, folder: Path) -> dict[str, float]:
    """By the weights that validation chose."""
    task = cast(DigitsTask, trainer.task)
    task.best.load_into(task.model.eval())
    pictures.digits(task).savefig(folder / "picture.png", dpi=DPI)
    return {"bits_per_dim": task.test()}


def _plane_task(config: DensityConfig) -> tuple[PlaneTask, Entry]:
    if config.dequantization != "uniform":
        raise ConfigError(
            f"dequantization={config.dequantization}: {config.data} is continuous; leave it out"
        )
    points = plane_set(config.data)
    entry = choose(PLANE, config.flow, config.data)
    return PlaneTask(entry.make(), points, config.seed), entry


def _digits_task(config: DensityConfig, folder: Path) -> tuple[DigitsTask, Entry]:
    entry = choose(DIGITS, config.flow, config.data)
    model = ImageModel(entry.make(), make_dequantization(config.dequantization))
    best = Best(folder / "best.safetensors")
    return DigitsTask(model, config.seed, steps=config.steps or entry.steps, best=best), entry
