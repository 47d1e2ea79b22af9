"""The folder of a job, through which the runner and the process that trains speak.

    attempt.json    the token of the one attempt that may run, and what to train
    lock            held by the process that trains; the kernel lets go of it when that process dies
    heartbeat       touched every few seconds
    outcome.json    how the attempt ended, with its token
    run/            the recipe's own folder: checkpoints, metrics
    log.txt         what the process printed

The token is exchanged under the lock. So at most one process trains, whoever was killed when: a late one
finds another token and leaves, and a living one keeps the runner from giving out the next.
"""

import fcntl
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from training.jobs.records import JobSpec, State
from vocoder.checkpoints.format import write_atomically
from vocoder.config import Config, parse_config
from vocoder.errors import VocoderError

BEAT_SECONDS = 2.0
_WAIT_SECONDS = 10.0
_RETRY_SECONDS = 0.05
Model = TypeVar("Model", bound=Config)


class Superseded(VocoderError, RuntimeError):
    """Another attempt at the job has been started since."""


class Outcome(Config):
    """The last word of an attempt."""

    token: str
    state: State
    reason: str | None = None


class Plan(Config):
    """What the attempt is going to do: the steps of each stage, in order; whom the voice descends from."""

    stages: dict[str, int]
    teacher: dict[str, Any] | None = None


class Ticket(Config):
    """Who may run, and what."""

    token: str
    spec: JobSpec


class JobFolder:
    """Files of one job; both sides use it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run, self.log = path / "run", path / "log.txt"
        path.mkdir(parents=True, exist_ok=True)

    def admit(self, token: str, spec: JobSpec) -> bool:
        """Give the next attempt its ticket; False while a process of an earlier one still holds the lock."""
        with self._locked() as held:
            if held:
                self._put("attempt.json", Ticket(token=token, spec=spec))
        return held

    def occupied(self) -> bool:
        """Whether a process trains here."""
        with self._locked() as held:
            return not held

    @contextmanager
    def hold(self, token: str) -> Iterator[JobSpec]:
        """Keep all others out, and give signs of life; raises `Superseded` without the right token."""
        with self._locked(_WAIT_SECONDS) as held:
            ticket = self._get("attempt.json", Ticket)
            if not held or ticket is None or ticket.token != token:
                raise Superseded(f"{self.path.name}: attempt {token} may not run any more")
            done = threading.Event()
            beating = threading.Thread(target=self._beat, args=(done,), daemon=True)
            beating.start()
            try:
                yield ticket.spec
            finally:
                done.set()
                beating.join()

    def heartbeat(self) -> float | None:
        """When the process last gave a sign (seconds since 1970), or was given its ticket."""
        times = [_modified(self.path / name) for name in ("heartbeat", "attempt.json")]
        return max((time for time in times if time is not None), default=None)

    def gained(self) -> bool:
        """Whether the attempt has saved a checkpoint."""
        begun = _modified(self.path / "attempt.json") or 0.0
        return any((_modified(path) or 0.0) > begun for path in self.run.rglob("*.safetensors"))

    def conclude(self, outcome: Outcome) -> None:
        self._put("outcome.json", outcome)

    def outcome(self, token: str | None) -> Outcome | None:
        """How the attempt with this token ended; None if it was cut off."""
        found = self._get("outcome.json", Outcome)
        return found if found is not None and found.token == token else None

    def announce(self, plan: Plan) -> None:
        self._put("plan.json", plan)

    def plan(self) -> Plan:
        return self._get("plan.json", Plan) or Plan(stages={})

    def _beat(self, done: threading.Event) -> None:
        while True:
            (self.path / "heartbeat").touch()
            if done.wait(BEAT_SECONDS):
                return

    @contextmanager
    def _locked(self, seconds: float = 0.0) -> Iterator[bool]:
        deadline = time.monotonic() + seconds
        with (self.path / "lock").open("w") as file:
            while not (held := _try_lock(file.fileno())) and time.monotonic() < deadline:
                time.sleep(_RETRY_SECONDS)
            yield held

    def _put(self, name: str, value: Config) -> None:
        write_atomically(self.path / name, value.model_dump_json().encode())

    def _get(self, name: str, model: type[Model]) -> Model | None:
        try:
            text = (self.path / name).read_text()
        except FileNotFoundError:
            return None
        return parse_config(model, json.loads(text), str(self.path / name))


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _modified(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None
