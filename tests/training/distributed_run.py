"""A run of several processes, or of one, as a script: its folder, and a step in which the last one dies.

Or, instead of that step, `minutes=` after which all end.
"""

import os
import signal
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from training.distributed import joined, share
from training.schedule import OptimizerConfig
from training.trainer import Task, Trainer, TrainerConfig

BATCH = 8
CONFIG = TrainerConfig(
    steps=20, optimizer=OptimizerConfig(lr=0.05, warmup=3), log_every=1, evaluate_every=10, save_every=4
)


class Regression(Task):
    """Recover a sum from noisy rows, of which each process sees its own."""

    def __init__(self, last_step: int | None) -> None:
        torch.manual_seed(share().rank)  # unlike each other, until the loop makes them alike
        self.model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
        self.last_step = last_step

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        if step == self.last_step and share().rank == share().world - 1:
            os.kill(os.getpid(), signal.SIGKILL)
        x = torch.randn(BATCH, 4, generator=torch.Generator().manual_seed(step))
        rows = share().rows(BATCH)
        own = x[rows.start : rows.stop]
        loss = (self.model(own) - own.sum(1, keepdim=True)).square().mean()
        return loss, {"twice": 2 * loss.item()}

    def evaluate(self) -> dict[str, float]:
        return {"valid_weight": next(self.model.parameters()).sum().item()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder, *more = sys.argv[1:]
    last, config = None, CONFIG
    if more and more[0].startswith("minutes="):
        often = {"steps": 10**9, "evaluate_every": 10**9, "save_every": 10**9}
        config = CONFIG.model_copy(update={"minutes": float(more[0].removeprefix("minutes=")), **often})
    elif more:
        last = int(more[0])
    with joined():
        done = Trainer(Regression(last), config, Path(folder)).run(progress=False)
    sys.exit(0 if done else 3)
