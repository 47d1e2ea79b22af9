"""Operations that are the same every time, as one launch of a CUDA graph."""

from collections.abc import Callable

import torch

WARM_UP_STEPS = 3


def recorded(step: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """`step` as one launch where the device is a GPU; elsewhere `step` itself.

    It must read nothing back, and find what changes from time to time in tensors that stay where they are.
    It is run a few times first, so fill these afterwards.
    """
    if device.type != "cuda":
        return step
    with torch.cuda.device(device), torch.no_grad():
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP_STEPS):
                step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            step()
    return graph.replay
