"""Jobs on a Ray cluster, one Ray job an attempt: Ray finds the machine, the store keeps the state.

The folder of the jobs lies on a file system that all machines share. An attempt is named by its token, so
that the next runner finds it again, and Ray starts none twice.
"""

import os
import shlex
from typing import Any

from training.jobs.attempt import JobFolder
from training.jobs.records import Job
from vocoder.errors import MissingExtra, VocoderError

_ANY_NUMBER = 1000  # Ray queues what has no room


class RayProcesses:
    """Starts, finds and stops attempts as Ray jobs.

    Args:
        address: of the dashboard (`http://head:8265`), or what `ray.init` takes.
        python: the interpreter there, which has this project installed.

    Raises:
        MissingExtra: Ray is not installed.
        VocoderError: there is no cluster at the address.
    """

    def __init__(self, address: str, python: str = "python") -> None:
        try:
            from ray.job_submission import JobSubmissionClient
        except ImportError:
            raise MissingExtra(
                "jobs on a cluster need Ray of the cluster's version: pip install 'vocoder[ray]'"
            ) from None
        try:
            self._client: Any = JobSubmissionClient(address)
        except (ConnectionError, RuntimeError) as error:
            raise VocoderError(f"no Ray cluster answers at {address}: {error}") from None
        self._python = python
        self.slots = {device: [f"ray-{device}:{i}" for i in range(_ANY_NUMBER)] for device in ("cpu", "gpu")}

    def start(self, job: Job, folder: JobFolder) -> None:
        worker = [self._python, "-m", "training.jobs.worker", str(folder.path), str(job.token)]
        self._client.submit_job(
            entrypoint=f"exec {shlex.join(worker)} >> {shlex.quote(str(folder.log))} 2>&1",
            submission_id=_name(job),
            entrypoint_num_cpus=1,
            entrypoint_num_gpus=1 if job.spec.device == "gpu" else 0,
            runtime_env={"env_vars": {k: v for k, v in os.environ.items() if k == "OMP_NUM_THREADS"}},
            metadata={"job": job.id, "recipe": job.spec.recipe},
        )

    def alive(self, job: Job, folder: JobFolder) -> bool:
        return self._status(job) in ("PENDING", "RUNNING")

    def waiting(self, job: Job, folder: JobFolder) -> bool:
        return self._status(job) == "PENDING"

    def ask_to_leave(self, job: Job, folder: JobFolder) -> None:
        """Ray sends SIGTERM, and SIGKILL a few seconds later."""
        if self.alive(job, folder):
            self._client.stop_job(_name(job))

    def kill(self, job: Job, folder: JobFolder) -> None:
        self.ask_to_leave(job, folder)

    def death(self, job: Job, folder: JobFolder) -> str:
        if (status := self._status(job)) is None:
            return "Ray does not know it"
        message = self._client.get_job_info(_name(job)).message or ""
        return f"Ray says {status.lower()}: {message.strip()[:300]}"

    def _status(self, job: Job) -> str | None:
        if job.token is None:
            return None
        try:
            return str(self._client.get_job_status(_name(job)).value)
        except RuntimeError as error:
            if "does not exist" in str(error):
                return None
            raise


def _name(job: Job) -> str:
    return f"vocoder-{job.id}-{job.token}"
