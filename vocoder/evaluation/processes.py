"""Many calls side by side: one process, of one thread, for each at a time."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from vocoder.processes import worker_pool

T = TypeVar("T")
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def in_processes(call: Callable[..., T], tasks: Sequence[tuple[Any, ...]], workers: int) -> Iterator[T]:
    """`call(*task)` for each task, in their order, as soon as they are done; what it raises ends them all.

    With one worker everything happens in this process; with more, `call` is a module's function and tasks
    pickle. When the iterator is closed, tasks that wait are dropped.
    """
    if workers == 1:
        return (call(*task) for task in tasks)
    return _in_pool(call, tasks, min(workers, len(tasks)))


def _in_pool(call: Callable[..., T], tasks: Sequence[tuple[Any, ...]], workers: int) -> Iterator[T]:
    with _one_thread_a_child(), worker_pool(workers) as pool:
        futures = [pool.submit(call, *task) for task in tasks]
        try:
            for future in futures:
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _one_thread_a_child() -> Iterator[None]:
    """Processes started inside find thread limits of one in their environment, before any library loads."""
    before = {name: os.environ.get(name) for name in _THREAD_LIMITS}
    os.environ.update(dict.fromkeys(_THREAD_LIMITS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
