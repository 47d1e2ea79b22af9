"""What the machine can do at most, measured: a product of large matrices, and a copy of memory."""

from functools import partial
from typing import NamedTuple

import torch

from vocoder.bench.timing import precision_of, spread, threads_of_torch, time_runs

_SIZES = {"cpu": (1024, 1 << 26), "cuda": (8192, 1 << 30)}
"""Rows of square matrices, bytes copied: past every cache, and quick."""


class Peaks(NamedTuple):
    """Medians for one number of threads and one precision."""

    device: str
    threads: int
    precision: str
    matmul_size: int  # rows and columns
    macs_per_second: float  # multiply-accumulates of the product
    copied_bytes: int
    bytes_per_second: float  # read and written


@torch.inference_mode()
def measure_peaks(device: torch.device, *, threads: int, precision: str, runs: int = 5) -> Peaks:
    """Time both on `device`; raises `ConfigError` for a precision that it does not have."""
    size, count = _SIZES["cuda" if device.type == "cuda" else "cpu"]
    left, right = torch.randn(2, size, size, device=device).unbind()
    source = torch.ones(count // 4, device=device)
    target = torch.empty_like(source)
    with threads_of_torch(threads), precision_of(precision, device):
        if precision in ("bfloat16", "float16"):  # or the time would be that of the conversion, too
            left, right = (part.to(getattr(torch, precision)) for part in (left, right))
        product = spread(time_runs(partial(torch.mm, left, right), runs, device)).p50
        copy = spread(time_runs(partial(target.copy_, source), runs, device)).p50
    return Peaks(str(device), threads, precision, size, size**3 / product, count, 2 * count / copy)
