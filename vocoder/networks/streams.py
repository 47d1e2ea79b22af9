"""Several streams on several cores."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def for_each_stream(work: Callable[[int], None], streams: int, threads: int) -> None:
    """Call `work` with 0 … `streams` - 1, on up to `threads` at once; compiled loops let go of the lock."""
    if min(threads, streams) <= 1:
        for stream in range(streams):
            work(stream)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(streams)))
