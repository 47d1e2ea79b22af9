"""The most memory that a call holds beyond what was held before it."""

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from vocoder.bench.timing import wait_for

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_bytes(work: Callable[[], Any], device: torch.device) -> int | None:
    """On a GPU what torch had allocated at most, on a CPU how far the resident set grew (Linux; else None).

    Freed memory is given back first, or a call could grow into what an earlier one left.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        wait_for(device)
        return torch.cuda.max_memory_allocated(device) - before
    if not _give_back():
        return None
    before = _resident("VmRSS")
    work()
    return max(0, _resident("VmHWM") - before)


def _give_back() -> bool:
    """Freed memory to the system, and the mark of the most that was held down to what is held now."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
        _RESET.write_text("5")
    except (OSError, AttributeError):
        return False
    return True


def _resident(name: str) -> int:
    """Bytes that /proc/self/status names, which are in kB there."""
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return 1024 * int(line.split()[1])
