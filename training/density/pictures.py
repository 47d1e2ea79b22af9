"""What was learned, to be looked at."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from training.density.digits import LEVELS
from training.density.plane import REACH
from training.density.tasks import DigitsTask, PlaneTask

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SEED = 7
UPRIGHT, LEVEL = "#b5442c", "#2c6fa8"


@torch.no_grad()
def plane(task: PlaneTask) -> "Figure":
    """Data, samples, density, and the grid of the noise warped to the data (as in the lecture's figures)."""
    figure, axes = _panels(["data", "samples", "density", "warped grid"])
    torch.manual_seed(SEED)
    samples = task.density.sample(torch.Size([4000]))
    for panel, points in zip(axes, [task.held_out[:4000], samples], strict=False):
        panel.plot(*points.T.numpy(), ",", color="black", alpha=0.5)
    axis = torch.linspace(-REACH, REACH, 201)
    grid = torch.cartesian_prod(axis, axis)
    density = torch.cat([task.density.log_prob(part).exp() for part in grid.split(4096)])
    image = density.nan_to_num().view(201, 201).T
    brightest = image.quantile(0.998).item()
    edges = (-REACH, REACH, -REACH, REACH)
    axes[2].imshow(image.numpy(), origin="lower", extent=edges, cmap="magma", vmax=brightest)
    _draw_warped_grid(task, axes[3])
    for panel in axes:
        panel.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal")
    return figure


def _draw_warped_grid(task: PlaneTask, panel: "Axes", reach: float = 3.0, num_lines: int = 25) -> None:
    """Where the lines of the noise go: upright ones in one colour, level ones in the other."""
    along = torch.linspace(-reach, reach, 401)
    for place in torch.linspace(-reach, reach, num_lines):
        across = place.expand(401)
        for line, colour in (
            (torch.stack([across, along], 1), UPRIGHT),
            (torch.stack([along, across], 1), LEVEL),
        ):
            warped, _ = task.model.to_data(line)
            panel.plot(*warped.T.numpy(), color=colour, linewidth=0.45)


@torch.no_grad()
def digits(task: DigitsTask) -> "Figure":
    """Data, samples, and paths between digits that are straight in the noise."""
    figure, axes = _panels(["data", "samples", "between digits"])
    torch.manual_seed(SEED)
    held_out = task.digits.test[:64] + 0.5
    flow = task.model.flow
    ends, _ = flow.to_noise(held_out[:16])
    weights = torch.linspace(0, 1, 8)[:, None, None, None]
    paths = [start + weights * (end - start) for start, end in zip(ends[:8], ends[8:], strict=True)]
    between, _ = flow.to_data(torch.cat(paths))
    for panel, images in zip(
        axes, [held_out, task.model.density.sample(torch.Size([64])), between], strict=True
    ):
        panel.imshow(_tiled(images).numpy(), cmap="gray_r", vmin=0, vmax=LEVELS)
    return figure


def _tiled(images: Tensor) -> Tensor:
    """64 images [64, 1, 8, 8] as one, in 8 rows of 8, a white line between."""
    framed = torch.nn.functional.pad(images, (0, 1, 0, 1)).view(8, 8, 9, 9)
    return framed.transpose(1, 2).reshape(72, 72)


def _panels(titles: list[str]) -> tuple["Figure", list["Axes"]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.2 * len(titles), 2.4), layout="constrained")
    axes = list(figure.subplots(1, len(titles)))
    for panel, title in zip(axes, titles, strict=True):
        panel.set_title(title, fontsize=9)
        panel.set(xticks=[], yticks=[])
    return figure, axes
