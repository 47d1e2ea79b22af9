"""The page of the gallery: tables and small pictures, written by the command that trained the flows."""

import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from training.density.digits import NUM_TEST, NUM_VALID
from training.density.plane import PLANE_SETS
from training.density.recipe import DensityResult
from training.density.zoo import PLANE
from vocoder.evaluation.pages import describe_machine, table

COLOURS = 48
"""Of the published pictures, so that they stay small."""


class Spent(NamedTuple):
    """What the gallery took, from its first process to its last; `resumed` if it found runs already begun."""

    jobs: int
    wall_seconds: float
    cpu_seconds: float
    resumed: bool

    def describe(self) -> str:
        """A clause; of a gallery that found runs already begun, its own time would say little."""
        if self.resumed:
            return "some of which had been begun before"
        return f"{self.cpu_seconds / 60:.0f} CPU-minutes in all, in {self.wall_seconds / 60:.0f} minutes"


def write_page(
    results: Sequence[DensityResult], runs: Path, folder: Path, *, command: str, spent: Spent
) -> Path:
    """Tables and pictures of `results`, whose runs lie in `runs`, as `folder`/README.md."""
    folder.mkdir(parents=True, exist_ok=True)
    for result in results:
        picture = runs / result.config.name / "picture.png"
        (folder / f"{result.config.name}.png").write_bytes(_small_png(picture))
    plane = [result for result in results if result.config.data in PLANE_SETS]
    digits = sorted((r for r in results if r.bits_per_dim is not None), key=lambda r: -(r.bits_per_dim or 0))
    training = sum(result.cpu_seconds for result in results)
    lines = [
        "# Gallery of flows",
        "",
        f"Written by `{command}` on {date.today().isoformat()}, {describe_machine()}: {len(results)} runs,",
        f"{spent.jobs} at a time, one thread each, {spent.describe()}.",
        f"Training alone took {training / 60:.0f} CPU-minutes, in the tables run by run in CPU-seconds.",
        "All figures are of held-out data. See also [which direction is fast](directions.md) and",
        "[speed beside other libraries](peers.md).",
        "",
        *(_plane_table(plane) if plane else []),
        *(_digits_table(digits) if digits else []),
        *_pictures(plane, digits),
    ]
    page = folder / "README.md"
    page.write_text("\n".join(lines))
    return page


def _plane_table(results: list[DensityResult]) -> list[str]:
    """A row a flow, a column a set."""
    found = {(r.config.flow, r.config.data): r for r in results}
    sets = [name for name in PLANE_SETS if any(data == name for _, data in found)]
    entropies = {r.config.data: r.entropy_nats for r in results}
    rows = [
        ["**entropy**", "", *(f"**{entropies[name]:.3f}**" for name in sets), ""],
    ]
    for flow in PLANE:
        runs = [found[flow, name] for name in sets if (flow, name) in found]
        if runs:
            cells = [f"{r.nats:.3f} (+{r.excess_nats:.3f})" for r in runs]
            seconds = sum(r.cpu_seconds for r in runs) / len(runs)
            rows.append([flow, f"{runs[0].num_parameters:,}", *cells, f"{seconds:.0f}"])
    return [
        "## Points in the plane",
        "",
        "Nats of 20,000 held-out points (a density, exact), and in brackets by how much they exceed those of",
        "the true density on the same points, an estimate of the Kullback-Leibler divergence.",
        "The true density is known: uniform on squares, or a curve with Gaussian noise.",
        "",
        *table(["flow", "parameters", *sets, "CPU-seconds"], rows),
        "",
    ]


def _digits_table(results: list[DensityResult]) -> list[str]:
    """A row a run, the worst first."""
    rows = [
        [
            r.config.flow,
            r.config.dequantization,
            f"{r.bits_per_dim:.3f}",
            f"{r.num_parameters:,}",
            str(r.steps),
            f"{r.cpu_seconds:.0f}",
        ]
        for r in results
    ]
    return [
        "## Digits",
        "",
        f"The 8×8 digits of scikit-learn at 16 levels of grey: {NUM_TEST} test images, by the weights that",
        f"did best on {NUM_VALID} others. Bits per dimension are upper bounds, by uniform or variational",
        "dequantization, over 8 draws of the noise of each image on average. All are trained alike, with",
        "about as many parameters; `pixelcnn` is the autoregressive flow of a masked convolution.",
        "The order over several seeds: `vocoder flows digits`.",
        "",
        *table(["flow", "bound", "bits per dimension", "parameters", "steps", "CPU-seconds"], rows),
        "",
    ]


def _pictures(plane: list[DensityResult], digits: list[DensityResult]) -> list[str]:
    """Set by set, a picture a run under its name and figure."""
    lines = [
        "## Pictures",
        "",
        "The warped grid is that of the noise, seen through the flow from -3 to 3.",
        "",
    ]
    for data in dict.fromkeys(r.config.data for r in [*plane, *digits]):
        lines += [f"### {data}", ""]
        for result in (r for r in [*plane, *digits] if r.config.data == data):
            name = result.config.name
            lines += [
                f"**{name.removeprefix(data + '-')}**: {result.describe()}",
                "",
                f"![{name}]({name}.png)",
                "",
            ]
    return lines


def _small_png(picture: Path) -> bytes:
    from PIL import Image

    content = io.BytesIO()
    Image.open(picture).convert("RGB").quantize(COLOURS).save(content, "png", optimize=True)
    return content.getvalue()
