"""A run on a terminal: a progress bar, and signals that end it after the step at hand."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C or SIGTERM has come; while this lasts, neither ends the process."""
    caught: list[int] = []
    previous = {
        s: signal.signal(s, lambda number, _: caught.append(number)) for s in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield lambda: bool(caught)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def progress_bar(enabled: bool) -> Progress:
    """On standard error; its tasks have a `note`."""
    columns: list[Any] = [*Progress.get_default_columns()[:3], TimeElapsedColumn(), TimeRemainingColumn()]
    note = TextColumn("{task.fields[note]}")
    return Progress(*columns, note, console=Console(stderr=True), disable=not enabled)
