"""What is optimised: the likelihood of points, or the bound of that of images."""

import math
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from training.density.best import Best
from training.density.digits import NUM_PIXELS, load_digits, shift
from training.density.image_model import ImageModel, standard_normal
from training.density.moments import fitted_moments
from training.density.plane import PlaneSet
from training.trainer import Task
from vocoder.flows import Flow, FlowDistribution

NUM_HELD_OUT = 20_000
NUM_DRAWS = 8
"""Of the dequantization noise of each held-out image."""


class PlaneTask(Task):
    """Fresh points at every step, so that nothing can be learned by heart."""

    model: Flow

    def __init__(
        self, flow: Flow, points: PlaneSet, seed: int, batch: int = 256, num_held_out: int = NUM_HELD_OUT
    ) -> None:
        self.model, self.points, self.seed, self.batch = flow, points, seed, batch
        self.held_out = points.sample(num_held_out, _generator(seed, -1))
        flow.train().to_noise(points.sample(2048, _generator(seed, -2)))  # data-dependent initialisation

    @property
    def density(self) -> FlowDistribution:
        return FlowDistribution(self.model, standard_normal(2))

    def fitted(self) -> AbstractContextManager[None]:
        """The model ready to be measured or drawn."""
        points = self.points.sample(8192, _generator(self.seed, -2))
        return fitted_moments(self.model, lambda: self.model.to_noise(points))

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        return -self.density.log_prob(self.points.sample(self.batch, _generator(self.seed, step))).mean(), {}

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Nats of held-out points, and by how much they exceed those of the true density there."""
        with self.fitted():
            own = torch.cat([self.density.log_prob(part) for part in self.held_out.split(4096)])
        excess = self.points.log_prob(self.held_out) - own
        return {"valid_nats": -own.mean().item(), "valid_excess_nats": excess.mean().item()}


class DigitsTask(Task):
    """Bits per dimension of images, by a bound; `best` keeps the weights that did best in validation.

    A thousand images are soon known by heart. So at first half of them come shifted by up to one pixel, then
    ever fewer, at the end none; all flows alike.
    """

    model: ImageModel

    def __init__(self, model: ImageModel, seed: int, *, steps: int, best: Best, batch: int = 64) -> None:
        self.model, self.seed, self.steps, self.best, self.batch = model, seed, steps, best, batch
        self.digits = load_digits()
        model.train()
        with torch.no_grad():
            model.log_prob_bound(self.digits.train[:512], _generator(seed, -1))

    def fitted(self) -> AbstractContextManager[None]:
        """The model ready to be measured or drawn."""
        generator = _generator(self.seed, -1)
        return fitted_moments(self.model, lambda: self.model.log_prob_bound(self.digits.train, generator))

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        generator = _generator(self.seed, step)
        chosen = torch.randint(len(self.digits.train), (self.batch,), generator=generator)
        images = self.digits.train[chosen]
        shifted = torch.rand(self.batch, 1, 1, 1, generator=generator) < 0.5 * (1 - step / self.steps)
        return self._bits(torch.where(shifted, shift(images, generator), images), generator), {}

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        with self.fitted():
            bits = self._mean_bits(self.digits.valid)
            self.best.offer(self.model, bits)
        return {"valid_bits_per_dim": bits}

    @torch.no_grad()
    def test(self) -> float:
        """Bits per dimension of the test images, with the weights and moments as they are now."""
        return self._mean_bits(self.digits.test)

    def _mean_bits(self, images: Tensor) -> float:
        generator = _generator(self.seed, -2)
        return sum(self._bits(images, generator).item() for _ in range(NUM_DRAWS)) / NUM_DRAWS

    def _bits(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return -self.model.log_prob_bound(images, generator).mean() / (NUM_PIXELS * math.log(2))


def _generator(seed: int, step: int) -> torch.Generator:
    """Of step 0, 1 …; negative steps are uses outside the loop."""
    return torch.Generator().manual_seed(seed * 2**32 + step % 2**32)
