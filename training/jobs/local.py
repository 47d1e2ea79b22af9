"""Processes on this machine: one a job, in a session of its own, found again after the runner was killed.

A process is known by its environment, which names the job's folder: that outlives the process that started
it, and is not reused as process ids are. Linux.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from training.jobs.attempt import JobFolder
from training.jobs.records import Job

VARIABLE = "VOCODER_JOB"
_KILL_SECONDS = 10.0


class LocalProcesses:
    """Starts, finds and stops the processes of jobs.

    Args:
        cpu_slots: jobs without a GPU at a time.
        gpus: what to put into CUDA_VISIBLE_DEVICES, one job each.
    """

    def __init__(self, cpu_slots: int = 1, gpus: tuple[str, ...] = ()) -> None:
        self.slots = {
            "cpu": [f"cpu:{i}" for i in range(cpu_slots)],
            "gpu": [f"gpu:{name}" for name in gpus],
        }
        self._children: dict[Path, subprocess.Popen[bytes]] = {}

    def start(self, job: Job, folder: JobFolder) -> None:
        device, _, name = (job.slot or "").partition(":")
        threads = max(1, (os.cpu_count() or 1) // max(1, len(self.slots["cpu"])))
        environment = {
            "OMP_NUM_THREADS": str(threads),
            **os.environ,
            "CUDA_VISIBLE_DEVICES": name if device == "gpu" else "",
            VARIABLE: str(folder.path),
        }
        command = [sys.executable, "-m", "training.jobs.worker", str(folder.path), str(job.token)]
        with folder.log.open("ab") as log:
            self._children[folder.path] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    def alive(self, job: Job, folder: JobFolder) -> bool:
        self._reap(folder)
        return folder.occupied() or bool(processes_of(folder.path))

    def waiting(self, job: Job, folder: JobFolder) -> bool:
        """Never: a process begins when it is started."""
        return False

    def ask_to_leave(self, job: Job, folder: JobFolder) -> None:
        """SIGTERM to the process itself; those that it started are its own business."""
        for process in processes_of(folder.path):
            if _is_leader(process):
                _signal(process, signal.SIGTERM)

    def kill(self, job: Job, folder: JobFolder) -> None:
        deadline = time.monotonic() + _KILL_SECONDS
        while (found := processes_of(folder.path)) and time.monotonic() < deadline:
            for process in found:
                _signal(process, signal.SIGKILL)
            time.sleep(0.02)
            self._reap(folder)

    def death(self, job: Job, folder: JobFolder) -> str:
        child = self._children.pop(folder.path, None)
        status = None if child is None else child.poll()
        if status is None:
            return "its process was gone"
        if status < 0:
            return f"its process was ended by {signal.Signals(-status).name}"
        return f"its process ended with status {status}"

    def _reap(self, folder: JobFolder) -> None:
        if child := self._children.get(folder.path):
            child.poll()


def processes_of(folder: Path) -> list[int]:
    """Living processes whose environment names the folder; a zombie has none."""
    wanted = f"{VARIABLE}={folder}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue  # ended, or another user's
            if wanted in environment.split(b"\0"):
                found.append(int(entry.name))
    return found


def _is_leader(process: int) -> bool:
    try:
        return os.getsid(process) == process
    except ProcessLookupError:
        return False


def _signal(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)
