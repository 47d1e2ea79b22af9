"""Each flow of the zoo learns; bounds are of a density."""

import math
from pathlib import Path

import pytest
import torch
from torch.distributions import Normal

from training.density.best import Best
from training.density.digits import LEVELS, load_digits, shift
from training.density.image_model import ImageModel, make_dequantization
from training.density.moments import fitted_moments
from training.density.plane import plane_set
from training.density.tasks import DigitsTask, PlaneTask
from training.density.zoo import DIGITS, PLANE
from training.schedule import OptimizerConfig
from training.trainer import Trainer, TrainerConfig
from vocoder.flows import BatchNorm, Chain

CONFIG = TrainerConfig(steps=8, ema=0.5, optimizer=OptimizerConfig(lr=1e-2, warmup=1))


def digits_task(model: ImageModel, folder: Path, batch: int = 64) -> DigitsTask:
    return DigitsTask(model, seed=3, steps=10, best=Best(folder / "best.safetensors"), batch=batch)


@pytest.mark.parametrize("flow", PLANE)
def test_a_flow_of_the_plane_learns(flow: str, tmp_path: Path) -> None:
    task = PlaneTask(PLANE[flow].make(), plane_set("eight-gaussians"), seed=0, num_held_out=500)
    before = task.evaluate()
    assert Trainer(task, CONFIG, tmp_path).run(progress=False)
    after = task.evaluate()
    assert 0 < after["valid_excess_nats"] < before["valid_excess_nats"]


@pytest.mark.parametrize(("flow", "kind"), [*((flow, "uniform") for flow in DIGITS), ("rnvp", "variational")])
def test_a_flow_of_the_digits_has_a_gradient(flow: str, kind: str, tmp_path: Path) -> None:
    task = digits_task(ImageModel(DIGITS[flow].make(), make_dequantization(kind)), tmp_path, batch=4)
    loss, _ = task.loss(0)
    loss.backward()
    assert 1 < loss.item() < 10
    assert all(parameter.grad is not None for parameter in task.model.parameters())


def test_a_step_is_decided_by_its_number(tmp_path: Path) -> None:
    task = digits_task(ImageModel(Chain([]), make_dequantization("uniform")), tmp_path)
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


def test_a_shift_moves_by_at_most_one_pixel() -> None:
    images = load_digits().train[:200]
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1))
    windows = torch.stack([padded[:, :, i : i + 8, j : j + 8] for i in range(3) for j in range(3)])
    same = (windows == shift(images, torch.Generator().manual_seed(0))).flatten(2).all(2)  # [place, image]
    assert same.any(0).all()
    assert same.any(1).all()


def test_the_last_step_shows_the_images_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = digits_task(ImageModel(Chain([]), make_dequantization("uniform")), tmp_path)
    shown = []
    monkeypatch.setattr(task.model, "log_prob_bound", lambda x, _: shown.append(x) or x.flatten(1).sum(1))
    task.loss(0), task.loss(10)
    known = {image.numpy().tobytes() for image in task.digits.train}
    first, last = ([image.numpy().tobytes() in known for image in images] for images in shown)
    assert all(last)
    assert len(first) / 3 < sum(first) < 3 * len(first) / 4


def test_the_best_weights_are_kept_and_the_worse_are_not(tmp_path: Path) -> None:
    model, best = torch.nn.Linear(2, 2), Best(tmp_path / "best.safetensors")
    best.offer(model, 3.0)
    kept = model.weight.clone()
    torch.nn.init.zeros_(model.weight)
    best.offer(model, 4.0)
    best.load_into(model)
    assert torch.equal(model.weight, kept)
    assert best.figure == 3.0


def test_fitted_moments_are_those_of_the_data_for_a_while() -> None:
    flow = Chain([BatchNorm(2)])
    flow.to_noise(torch.randn(64, 2))
    before, data = flow.flows[0].running_mean.clone(), 3 + torch.randn(64, 2)
    with fitted_moments(flow.eval(), lambda: flow.to_noise(data)):
        torch.testing.assert_close(flow.flows[0].running_mean, data.mean(0))
        assert not flow.flows[0].training
    assert torch.equal(flow.flows[0].running_mean, before)


def test_the_flows_of_digits_are_of_one_size() -> None:
    sizes = [sum(p.numel() for p in entry.make().parameters()) for entry in DIGITS.values()]
    assert max(sizes) < 1.1 * min(sizes)
