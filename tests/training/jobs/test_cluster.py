"""The same jobs on a Ray cluster of this machine: submit, follow, fail, cancel, resume; a runner is gone."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from training.jobs.cluster import RayProcesses
from training.jobs.records import Job, JobSpec, State
from training.jobs.runner import Runner, RunnerConfig
from training.jobs.store import Store
from vocoder.errors import VocoderError

pytest.importorskip("ray", reason="needs the ray extra")
pytestmark = pytest.mark.timeout(900)
PORT, DASHBOARD = 6397, 8297
ADDRESS = f"http://127.0.0.1:{DASHBOARD}"
PATIENCE = 300.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster of this machine alone, which ends with its process and leaves other ones be."""
    ray = Path(sys.executable).with_name("ray")
    address = ["--node-ip-address=127.0.0.1", f"--port={PORT}", f"--dashboard-port={DASHBOARD}"]
    command = [ray, "start", "--head", *address, "--num-cpus=2", "--disable-usage-stats", "--block"]
    log = tmp_path_factory.mktemp("log") / "ray.txt"
    with log.open("w") as file:
        started = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _answers():
            assert started.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
        yield ADDRESS
    finally:
        started.terminate()
        started.wait(60)


def _answers() -> bool:
    try:
        return RayProcesses(ADDRESS).slots != {}
    except VocoderError:
        return False


class Running:
    """A runner in a thread, which can be left without a goodbye."""

    def __init__(self, store: Store, address: str) -> None:
        self.runner = Runner(store, RayProcesses(address, sys.executable), RunnerConfig(poll_seconds=0.3))
        self.gone = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self.gone.is_set():
            self.runner.tick()
            time.sleep(0.3)

    def vanish(self) -> None:
        self.gone.set()
        self.thread.join()


def wait_for(store: Store, job: str, condition: Callable[[Job], bool]) -> Job:
    deadline = time.monotonic() + PATIENCE
    while not condition(found := store.get(job)):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found


def flow(steps: int, **changes: object) -> JobSpec:
    config = {"flow": "planar", "data": "two-moons", "steps": steps} | changes
    return JobSpec(recipe="flow", config=config)


def test_the_life_of_jobs_on_ray(cluster: str, tmp_path: Path) -> None:
    store = Store(tmp_path)
    running = Running(store, cluster)
    short, broken, long = (
        store.submit(spec)[0].id for spec in (flow(30), flow(30, flow="violin"), flow(200_000))
    )
    assert wait_for(store, short, lambda job: job.state.ended).state == State.SUCCEEDED
    steps = [e.data["step"] for e in store.events(short) if e.kind == "metrics" and "loss" in e.data]
    assert steps == [10, 20, 30]
    failed = wait_for(store, broken, lambda job: job.state.ended)
    assert failed.state == State.FAILED
    assert "violin" in (failed.reason or "")

    wait_for(store, long, lambda job: job.progress is not None)
    running.vanish()
    running = Running(store, cluster)
    store.cancel(long)
    cancelled = wait_for(store, long, lambda job: job.state.ended)
    assert (cancelled.state, cancelled.attempts) == (State.CANCELLED, 1)
    store.resume(long)
    assert wait_for(store, long, lambda job: job.attempts == 2 and job.heartbeat is not None)
    store.cancel(long)
    assert wait_for(store, long, lambda job: job.state.ended).state == State.CANCELLED
    running.vanish()


def test_no_cluster_is_said_so() -> None:
    with pytest.raises(VocoderError, match="no Ray cluster answers"):
        RayProcesses("http://127.0.0.1:9")
