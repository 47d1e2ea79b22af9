"""Work timed again and again: warmed up, the device waited for, percentiles over the runs."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, get_args

import numpy as np
import torch

from vocoder.device import rounded_products
from vocoder.errors import ConfigError, InputError
from vocoder.inference.engine import Precision

WARM_UP = 2
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


class Spread(NamedTuple):
    """Of one figure over the runs; `spread` is half the width from p5 to p95, as a share of the median."""

    p5: float
    p50: float
    p95: float
    spread: float


def spread(values: Sequence[float]) -> Spread:
    """Percentiles, interpolated between the runs; raises `InputError` without a value."""
    if not values:
        raise InputError("percentiles need at least one run, got none")
    low, middle, high = (float(p) for p in np.percentile(np.asarray(values, np.float64), (5, 50, 95)))
    return Spread(low, middle, high, (high - low) / 2 / abs(middle) if middle else 0.0)


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """A 95 % interval of the median, from ranks alone (Conover, Practical Nonparametric Statistics, 3.2).

    Of less than six values it is their whole range. Raises `InputError` without a value.
    """
    if not values:
        raise InputError("an interval needs at least one run, got none")
    ranked = sorted(values)
    outside = max(0, math.floor(len(ranked) / 2 - 0.98 * math.sqrt(len(ranked))))
    return ranked[outside], ranked[-1 - outside]


def time_runs(work: Callable[[], Any], runs: int, device: torch.device) -> list[float]:
    """Wall seconds of each run after two that do not count; the clock stops when the device is done."""
    if runs < 1:
        raise InputError(f"runs: expected at least one, got {runs}")
    return [timed(work, device) for _ in range(WARM_UP + runs)][WARM_UP:]


def time_in_turns(
    work: Sequence[Callable[[], Any]], runs: int, devices: Sequence[torch.device]
) -> list[list[float]]:
    """As `time_runs` for each, in turns: all see the same machine, also one that is busy."""
    for _ in range(WARM_UP):
        for item, device in zip(work, devices, strict=True):
            timed(item, device)
    rounds = [[timed(item, device) for item, device in zip(work, devices, strict=True)] for _ in range(runs)]
    return [list(column) for column in zip(*rounds, strict=True)]


def timed(work: Callable[[], Any], device: torch.device) -> float:
    """Wall seconds of one call, from a device that is idle to one that is idle again."""
    wait_for(device)
    begun = time.perf_counter()
    work()
    wait_for(device)
    return time.perf_counter() - begun


def wait_for(device: torch.device) -> None:
    """Return when all work on the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def threads_of_torch(number: int) -> Iterator[None]:
    """That many threads in each operation of torch, inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def precision_of(name: str, device: torch.device) -> Iterator[None]:
    """Matrix products in that precision inside the block: float32, tf32 (a setting), or by autocast.

    Raises:
        ConfigError: an unknown name, or one that the device does not have.
    """
    check_precision(name, device)
    with ExitStack() as stack:
        stack.enter_context(rounded_products(tf32=name == "tf32"))
        if name not in ("float32", "tf32"):
            stack.enter_context(torch.autocast(device.type, getattr(torch, name)))
        yield


def check_precision(name: str, device: torch.device) -> Precision:
    """The name, where the device has that precision; raises `ConfigError` otherwise."""
    there = PRECISIONS if device.type == "cuda" else ("float32", "bfloat16")
    if name not in there:
        raise ConfigError(f"precision {name!r}: a device {device.type!r} has {', '.join(there)}")
    return name
