"""Several short runs at once, a process and a thread each."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, wait
from itertools import islice
from typing import Any, TypeVar

from vocoder.processes import end_workers, worker_pool

T = TypeVar("T")


def side_by_side(run: Callable[..., T], calls: Iterable[tuple[Any, ...]], jobs: int) -> Iterator[T]:
    """`run(*call)` for each of `calls`, `jobs` at a time; results as they come.

    What one of them raises ends them all, by SIGTERM, and is raised when they have ended. `run` is found by
    name in the new process: a function of a module.
    """
    waiting, pool = iter(calls), worker_pool(jobs, torch_threads=1)
    try:
        # a pool that has more than it works on begins it also when it is told to end
        running = {pool.submit(run, *call) for call in islice(waiting, jobs)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            results = [future.result() for future in done]
            running |= {pool.submit(run, *call) for call in islice(waiting, len(done))}
            yield from results
    except BaseException:
        end_workers(pool)
        raise
    pool.shutdown()
