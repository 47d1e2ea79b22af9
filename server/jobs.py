"""Training jobs inside the server: what the settings allow, and the runner's thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from server.settings import Settings
from training.jobs.runner import Runner, RunnerConfig
from training.jobs.service import Jobs
from training.jobs.start import processes
from training.jobs.store import Store
from vocoder.errors import ConfigError


def make_jobs(settings: Settings) -> Jobs | None:
    """The jobs of the settings; None where they are off.

    Raises:
        ConfigError: a root of recordings that is no folder.
    """
    if settings.jobs is None:
        return None
    for root in settings.jobs_data:
        if not root.is_dir():
            raise ConfigError(f"jobs_data: {root} is no folder; name those that hold prepared recordings")
    return Jobs(Store(settings.jobs), list(settings.jobs_data))


@contextmanager
def running(jobs: Jobs | None, settings: Settings) -> Iterator[None]:
    """Run the queue while the block runs; then its processes save, leave, and their jobs wait in the queue.

    Where another server runs the same queue, this one takes over when that one ends.

    Raises:
        VocoderError: jobs are to run on Ray, which is not installed or not there.
    """
    if jobs is None:
        yield
        return
    places = processes(settings.jobs_slots, settings.jobs_gpus, settings.jobs_ray)
    runner = Runner(jobs.store, places, RunnerConfig(grace_seconds=settings.jobs_grace))
    stop = threading.Event()
    thread = threading.Thread(target=runner.run, args=(stop,), name="jobs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
