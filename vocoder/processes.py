"""Processes that work for this one, and end when it does."""

import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process

_REMINDER_SECONDS = 1.0
_ENDING_SECONDS = 0.1


def worker_pool(workers: int | None = None, *, torch_threads: int | None = None) -> ProcessPoolExecutor:
    """Spawned processes (a fork would inherit torch's threads), by default as many as there are cores.

    Those of a plain pool stay behind, busy or waiting for ever, when its process is killed. These are then
    sent SIGTERM until they end: one that catches it, as training does, saves its state first. `end_workers`
    ends them so earlier.
    """
    return ProcessPoolExecutor(workers, get_context("spawn"), _begin, (torch_threads,))


def end_workers(pool: ProcessPoolExecutor) -> None:
    """Begin none of what is pending, and send the workers SIGTERM until they have ended."""
    workers = list((pool._processes or {}).values())  # which `shutdown` forgets
    pool.shutdown(wait=False, cancel_futures=True)
    while any(worker.is_alive() for worker in workers):
        for worker in workers:
            worker.terminate()
        time.sleep(_ENDING_SECONDS)


def _begin(torch_threads: int | None) -> None:
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    if torch_threads is not None:
        import torch

        torch.set_num_threads(torch_threads)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    while True:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_REMINDER_SECONDS)
