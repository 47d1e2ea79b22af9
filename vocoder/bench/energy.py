"""Energy that a GPU has taken, as its driver counts it (NVML); nothing where the driver does not tell."""

import ctypes
from collections.abc import Callable

import torch

_LIBRARY = "libnvidia-ml.so.1"


def energy_meter(device: torch.device) -> Callable[[], float] | None:
    """A function that gives the joules taken since the driver began; None where they are not counted."""
    if device.type != "cuda":
        return None
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    handle, millijoules = ctypes.c_void_p(), ctypes.c_ulonglong()
    uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}".encode()
    if library.nvmlInit_v2() or library.nvmlDeviceGetHandleByUUID(uuid, ctypes.byref(handle)):
        return None

    def failed() -> bool:
        return bool(library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules)))

    def read() -> float:
        failed()
        return millijoules.value / 1000

    return None if failed() else read
