"""One process at a time in a folder; the kernel lets go of the lock when its holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vocoder.errors import ConfigError

LOCK = "lock"


@contextmanager
def sole_process(folder: Path) -> Iterator[None]:
    """Keep all others out of `folder` while this lasts; its file `lock` holds the process id.

    Raises:
        ConfigError: another is in it.
    """
    with (folder / LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read() or "unknown"
            raise ConfigError(
                f"another process (pid {holder}) trains in {folder}: "
                "wait for it or choose another with --output"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
