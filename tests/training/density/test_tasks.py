"""Each flow of the zoo learns; bounds are of a density."""

import math
from pathlib import Path

import pytest
import torch
from torch.distributions import Normal

from training.density.digits import LEVELS, load_digits
from training.density.image_model import ImageModel, make_dequantization
from training.density.plane import plane_set
from training.density.tasks import DigitsTask, PlaneTask
from training.density.zoo import DIGITS, PLANE
from training.schedule import OptimizerConfig
from training.trainer import Trainer, TrainerConfig
from vocoder.flows import Chain

CONFIG = TrainerConfig(steps=8, ema=0.5, optimizer=OptimizerConfig(lr=1e-2, warmup=1))


@pytest.mark.parametrize("flow", PLANE)
def test_a_flow_of_the_plane_learns(flow: str, tmp_path: Path) -> None:
    task = PlaneTask(PLANE[flow].make(), plane_set("eight-gaussians"), seed=0, num_held_out=500)
    before = task.evaluate()
    assert Trainer(task, CONFIG, tmp_path).run(progress=False)
    after = task.evaluate()
    assert 0 < after["valid_excess_nats"] < before["valid_excess_nats"]


@pytest.mark.parametrize(("flow", "kind"), [*((flow, "uniform") for flow in DIGITS), ("rnvp", "variational")])
def test_a_flow_of_the_digits_has_a_gradient(flow: str, kind: str) -> None:
    task = DigitsTask(ImageModel(DIGITS[flow].make(), make_dequantization(kind)), seed=0, batch=4)
    loss, _ = task.loss(0)
    loss.backward()
    assert 1 < loss.item() < 10
    assert all(parameter.grad is not None for parameter in task.model.parameters())


def test_a_step_is_decided_by_its_number() -> None:
    task = DigitsTask(ImageModel(Chain([]), make_dequantization("uniform")), seed=3)
    assert task.loss(5)[0] == task.loss(5)[0] != task.loss(6)[0]


def test_the_density_of_an_image_model_is_over_the_grey_levels() -> None:
    """Along one pixel, the others at the middle grey, it integrates to their density."""
    model = ImageModel(Chain([]), make_dequantization("uniform"))
    middle = torch.full((1, 1, 8, 8), LEVELS / 2)
    width = LEVELS / 0.9  # the range of the logit, with its margins
    images = middle.repeat(4000, 1, 1, 1)
    images[:, 0, 3, 4] = ((torch.arange(4000) + 0.5) / 4000 - 0.05) * width
    one_pixel = Normal(0.0, 1.0).log_prob(torch.tensor(0.0)) + math.log(4 / width)
    relative = model.density.log_prob(images) - model.density.log_prob(middle)
    assert (relative + one_pixel).exp().sum().item() * width / 4000 == pytest.approx(1, abs=1e-3)


def test_digits_have_16_levels_in_three_parts() -> None:
    digits = load_digits()
    assert torch.cat(digits).unique().tolist() == list(range(LEVELS))
    assert [len(part) for part in digits] == [1400, 100, 297]
