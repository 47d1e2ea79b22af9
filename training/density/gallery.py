"""All flows on all sets, a few at a time."""

from collections.abc import Iterator
from pathlib import Path

from training.density.plane import PLANE_SETS
from training.density.recipe import Bound, DensityConfig, DensityResult, train_density
from training.density.zoo import DIGITS, PLANE
from training.side_by_side import side_by_side

VARIATIONAL = ("glow", "flowpp")
"""The flows of digits that are also trained with variational dequantization."""


def gallery_configs(steps: int | None = None) -> list[DensityConfig]:
    """Every flow on every set, the long runs first."""
    plane = [DensityConfig(flow=flow, data=data, steps=steps) for flow in PLANE for data in PLANE_SETS]
    return digits_configs(steps=steps) + plane


def digits_configs(num_seeds: int = 1, steps: int | None = None) -> list[DensityConfig]:
    """Every flow of digits with both bounds (those of `VARIATIONAL`), seed by seed."""
    kinds: list[tuple[str, Bound]] = [(flow, "variational") for flow in VARIATIONAL]
    kinds += [(flow, "uniform") for flow in reversed(DIGITS)]
    return [
        DensityConfig(flow=flow, data="digits", dequantization=kind, steps=steps, seed=seed)
        for seed in range(num_seeds)
        for flow, kind in kinds
    ]


def train_all(configs: list[DensityConfig], folder: Path, *, jobs: int) -> Iterator[DensityResult]:
    """Results as they come; each run on one thread, `jobs` at a time, in `folder`/its name."""
    return side_by_side(_train_quietly, [(config, folder / config.name) for config in configs], jobs)


def _train_quietly(config: DensityConfig, folder: Path) -> DensityResult:
    result = train_density(config, folder, progress=False)
    assert result is not None
    return result
