"""The optimizer, and the learning rate over a run: a linear warm-up, a plateau, a cosine to the end."""

import math
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field
from torch import nn
from torch.optim import AdamW, Optimizer

from training.muon import Muon
from vocoder.config import Config

Beta = Annotated[float, Field(ge=0, lt=1)]


class OptimizerConfig(Config):
    """AdamW (Loshchilov and Hutter 2019), or Muon for matrices and AdamW for the rest; and the schedule."""

    kind: Literal["adamw", "muon"] = "adamw"
    lr: float = Field(default=1e-3, gt=0)
    betas: tuple[Beta, Beta] = (0.9, 0.99)
    weight_decay: float = Field(default=0.01, ge=0)
    clip: float = Field(default=1.0, gt=0, description="largest norm of the gradient")
    warmup: int = Field(default=200, ge=0, description="steps")
    decay: float = Field(
        default=0.5, ge=0, le=1, description="share of the run, at its end, in which the rate falls"
    )
    final: float = Field(default=0.01, ge=0, le=1, description="share of the rate that is left at the end")


def make_optimizer(config: OptimizerConfig, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """The optimizer of a run's parameters."""
    kind = Muon if config.kind == "muon" else AdamW
    return kind(parameters, config.lr, config.betas, weight_decay=config.weight_decay)


def learning_rate(config: OptimizerConfig, step: int, done: float) -> float:
    """The rate at `step`, when the share `done` of the run lies behind."""
    warm = min(1.0, (step + 1) / max(1, config.warmup))
    start = 1 - config.decay
    fallen = min(1.0, max(0.0, done - start) / config.decay) if config.decay else 0.0
    cosine = config.final + (1 - config.final) * 0.5 * (1 + math.cos(math.pi * fallen))
    return config.lr * warm * cosine
