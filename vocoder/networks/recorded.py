"""Operations that are the same every time, as one launch of a CUDA graph."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch

WARM_UP_STEPS = 3

_lock = threading.Lock()


@contextmanager
def alone(device: torch.device, *, patience: float = -1.0) -> Iterator[bool]:
    """Whether nobody else records or replays meanwhile: always, or only if so within `patience` seconds.

    All graphs share their memory, and the workspace of the matrix products: what one computes must be done,
    and taken away, before the next begins. At the end all that was launched here is done.
    """
    if not _lock.acquire(timeout=patience):
        yield False
        return
    try:
        yield True
        if device.type == "cuda":
            torch.cuda.current_stream(device).synchronize()
    finally:
        _lock.release()


def recorded(step: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """`step` as one launch where the device is a GPU; elsewhere `step` itself. Both this and that, `alone`.

    It must read nothing back, and find what changes from time to time in tensors that stay where they are.
    It is run a few times first, so fill these afterwards.
    """
    if device.type != "cuda":
        return step
    with torch.cuda.device(device), torch.no_grad():
        side, pool = _place(torch.cuda.current_device())
        side.wait_stream(torch.cuda.current_stream())
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.stream(side):  # left in any case, which that of a capture that fails is not
            for _ in range(WARM_UP_STEPS):
                step()
            with torch.cuda.graph(graph, pool=pool, stream=side, capture_error_mode="thread_local"):
                step()
        torch.cuda.current_stream().wait_stream(side)
    return graph.replay


@cache
def _place(device: int) -> tuple[torch.cuda.Stream, Any]:
    """The stream on which all graphs of a device are recorded, and the memory that they share."""
    return torch.cuda.Stream(device), torch.cuda.graph_pool_handle()
