"""Which direction of an autoregressive flow is one pass, and which goes element by element: times of both."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from vocoder.errors import InputError
from vocoder.flows import IAF, MAF
from vocoder.networks.made import MADE

BATCH = 16
HIDDEN = 1024
FLOWS = {"MAF": MAF, "IAF": IAF}


class DirectionTimes(NamedTuple):
    """Median wall milliseconds of one flow at one size."""

    flow: str
    num_features: int
    to_noise_ms: float
    to_data_ms: float


@torch.no_grad()
def measure_directions(
    sizes: Sequence[int] = (64, 256, 1024, 4096), *, batch: int = BATCH, hidden: int = HIDDEN, runs: int = 5
) -> list[DirectionTimes]:
    """Time both directions of a MAF and an IAF over one MADE each, of `hidden` units, for vectors of `sizes`.

    Raises:
        InputError: a size, the batch, the width or the number of runs is below one.
    """
    if min(*sizes, batch, hidden, runs) < 1:
        raise InputError(
            f"sizes, batch, hidden and runs must be positive, got {list(sizes)}, {batch}, {hidden}, {runs}"
        )
    rows = []
    for num_features in sizes:
        for name, kind in FLOWS.items():
            flow = kind(MADE(num_features, 2, hidden=hidden)).eval()
            x = torch.randn(batch, num_features)
            times = [_median_ms(direction, x, runs) for direction in (flow.to_noise, flow.to_data)]
            rows.append(DirectionTimes(name, num_features, *times))
    return rows


def _median_ms(direction: Callable[[torch.Tensor], object], x: torch.Tensor, runs: int) -> float:
    direction(x)
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        direction(x)
        times.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(times)
