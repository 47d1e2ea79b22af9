"""Workers end with the process that they work for, and one that is saving may finish."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vocoder.processes import worker_pool

PARENT = """
import os, signal, sys, time
from pathlib import Path
from vocoder.processes import worker_pool

def work(folder, number):
    # Until SIGTERM has come; then take a moment to save, as training does.
    caught = []
    previous = signal.signal(signal.SIGTERM, lambda *_: caught.append(1))
    (folder / f"{number}.begun").write_text(str(os.getpid()))
    while not caught:
        time.sleep(0.02)
    time.sleep(0.3)
    (folder / f"{number}.saved").touch()
    signal.signal(signal.SIGTERM, previous)

if __name__ == "__main__":
    with worker_pool(2) as pool:
        for number in range(6):
            pool.submit(work, Path(sys.argv[1]), number)
"""


def begun(folder: Path) -> list[int]:
    """Of the tasks that have begun, the workers."""
    return [int(text) for path in folder.glob("*.begun") if (text := path.read_text())]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.timeout(240)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["terminated", "killed"])
def test_workers_end_with_their_parent_and_save_first(tmp_path, wait_until, number):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    parent = subprocess.Popen([sys.executable, script, tmp_path], env=environment)
    wait_until(lambda: len(begun(tmp_path)) == 2, seconds=100)
    workers = begun(tmp_path)
    assert all(map(is_alive, workers))
    parent.send_signal(number)
    parent.wait(30)
    wait_until(lambda: not any(map(is_alive, workers)), seconds=60)
    assert {path.stem for path in tmp_path.glob("*.saved")} >= {"0", "1"}


def test_results_come_back():
    with worker_pool(1, torch_threads=1) as pool:
        assert pool.submit(pow, 2, 5).result() == 32
