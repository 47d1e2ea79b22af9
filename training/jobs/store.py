"""The jobs in one SQLite file: what was acknowledged is on the disk, and a state changes with its event.

Every change is one transaction (write-ahead log, synchronous=FULL), so that a process that dies at any moment
leaves the state before the change or the one after it. Threads and processes may share the file.
"""

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.jobs.records import Event, Job, JobSpec, Progress, State
from vocoder.config import parse_config
from vocoder.errors import InputError, VocoderError

FILE = "jobs.sqlite"
BUSY_SECONDS = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, key TEXT UNIQUE, spec TEXT NOT NULL,
    recipe TEXT NOT NULL, name TEXT NOT NULL, priority INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT,
    attempts INTEGER NOT NULL DEFAULT 0, interruptions INTEGER NOT NULL DEFAULT 0, token TEXT, slot TEXT,
    cancelling INTEGER NOT NULL DEFAULT 0, progress TEXT, lineage TEXT NOT NULL DEFAULT '{}',
    created REAL NOT NULL, started REAL, ended REAL, heartbeat REAL
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, priority DESC, number);
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    time REAL NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_job ON events (job, number);
CREATE TABLE IF NOT EXISTS cursors (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, file TEXT NOT NULL, position TEXT NOT NULL,
    PRIMARY KEY (job, file)
) WITHOUT ROWID;
"""


class UnknownJob(InputError):
    """No job has this id."""


class JobConflict(VocoderError, RuntimeError):
    """What is asked for does not fit the state in which the job is."""


class Store:
    """The jobs below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.root.mkdir(parents=True, exist_ok=True)
        self._local = threading.local()
        self._connection.executescript(_SCHEMA)

    def folder(self, job: str) -> Path:
        """What belongs to a job alone: its run, its log."""
        return self.root / job

    def has_key(self, key: str | None) -> bool:
        """Whether a job came with this idempotency key."""
        with self._transaction() as db:
            return key is not None and _one(db, "SELECT id FROM jobs WHERE key = ?", key) is not None

    def submit(self, spec: JobSpec, key: str | None = None) -> tuple[Job, bool]:
        """Queue a job; with a `key` that came before, that job. Returns it, and whether it is a new one.

        Raises:
            JobConflict: the key came before with another request.
        """
        text = spec.model_dump_json()
        with self._transaction() as db:
            if key is not None and (row := _one(db, "SELECT * FROM jobs WHERE key = ?", key)):
                if not _same_request(row["spec"], text):
                    raise JobConflict(
                        f"the idempotency key {key!r} belongs to job {row['id']}, which is another request: "
                        "send a new key"
                    )
                return _job(row), False
            row = _one(
                db,
                "INSERT INTO jobs (id, key, spec, recipe, name, priority, state, created)"
                " VALUES (?, ?, ?, ?, ?, ?, 'queued', ?) RETURNING *",
                *(secrets.token_hex(6), key, text, spec.recipe, spec.name, spec.priority, time.time()),
            )
            assert row is not None
            _record_state(db, row)
            return _job(row), True

    def get(self, job: str) -> Job:
        """Raises `UnknownJob`."""
        if row := _one(self._connection, "SELECT * FROM jobs WHERE id = ?", job):
            return _job(row)
        raise UnknownJob(f"no job {job!r}; `vocoder jobs list` names those that there are")

    def jobs(
        self,
        *,
        states: tuple[State, ...] = (),
        recipe: str | None = None,
        name: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[Job]:
        """The latest jobs first; `after` is the last id of the page before."""
        wanted: list[str] = ["1"]
        values: list[str] = []
        if states:
            wanted.append(f"state IN ({', '.join('?' * len(states))})")
            values += list(states)
        for column, value in (("recipe", recipe), ("name", name)):
            if value is not None:
                wanted.append(f"{column} = ?")
                values.append(value)
        if after is not None:
            self.get(after)
            wanted.append("number < (SELECT number FROM jobs WHERE id = ?)")
            values.append(after)
        query = f"SELECT * FROM jobs WHERE {' AND '.join(wanted)} ORDER BY number DESC LIMIT ?"
        return [_job(row) for row in self._connection.execute(query, (*values, limit))]

    def claim(self, job: str, slot: str) -> Job | None:
        """Make a queued job running, under a fresh token; None if it is not queued any more."""
        return self._change(
            "state = 'running', token = ?, slot = ?, attempts = attempts + 1, reason = NULL,"
            " started = coalesce(started, ?), heartbeat = NULL",
            (secrets.token_hex(8), slot, time.time()),
            "id = ? AND state = 'queued'",
            (job,),
        )

    def next_queued(self, device: str) -> Job | None:
        """The queued job of this device that goes first: highest priority, then the longest wait."""
        row = _one(
            self._connection,
            "SELECT * FROM jobs WHERE state = 'queued' AND json_extract(spec, '$.device') = ?"
            " ORDER BY priority DESC, number LIMIT 1",
            device,
        )
        return _job(row) if row else None

    def end(self, job: Job, state: State, reason: str | None = None) -> Job | None:
        """Running to its end; None if another attempt has taken over."""
        return self._change(
            "state = ?, reason = ?, ended = ?, token = NULL, slot = NULL, cancelling = 0",
            (state, reason, time.time()),
            "id = ? AND state = 'running' AND token = ?",
            (job.id, job.token),
        )

    def requeue(self, job: Job, reason: str, interruptions: int) -> Job | None:
        """An interrupted job back into the queue, or to its end if it was asked to leave.

        None if another attempt has taken over.
        """
        return self._change(
            "state = iif(cancelling, 'cancelled', 'queued'), ended = iif(cancelling, ?, NULL),"
            " cancelling = 0, reason = ?, interruptions = ?, token = NULL, slot = NULL",
            (time.time(), reason, interruptions),
            "id = ? AND state = 'running' AND token = ?",
            (job.id, job.token),
        )

    def expire(self, job: Job, reason: str) -> Job | None:
        """A job that still waits fails; None if it does not wait any more."""
        return self._change(
            "state = 'failed', reason = ?, ended = ?",
            (reason, time.time()),
            "id = ? AND state = 'queued'",
            (job.id,),
        )

    def cancel(self, job: str) -> Job:
        """End a queued job; ask a running one to save and leave. Again, or once it ended, changes nothing.

        Raises:
            UnknownJob: there is none.
        """
        with self._transaction() as db:
            waits = (
                "UPDATE jobs SET state = 'cancelled', ended = ? WHERE id = ? AND state = 'queued' RETURNING *"
            )
            if (row := _one(db, waits, time.time(), job)) is not None:
                _record_state(db, row)
            db.execute("UPDATE jobs SET cancelling = 1 WHERE id = ? AND state = 'running'", (job,))
        return self.get(job)

    def resume(self, job: str) -> Job:
        """Queue a failed or cancelled job again: it goes on from its last checkpoint, past deadlines dropped.

        Raises:
            UnknownJob: there is none.
            JobConflict: it is on its way, or has succeeded.
        """
        past = "json_extract(spec, '$.deadline') < ?"
        changed = self._change(
            f"state = 'queued', reason = NULL, ended = NULL, interruptions = 0, cancelling = 0,"
            f" spec = iif({past}, json_set(spec, '$.deadline', NULL), spec)",
            (time.time(),),
            "id = ? AND state IN ('failed', 'cancelled')",
            (job,),
        )
        if changed is None:
            raise JobConflict(
                f"job {job} is {self.get(job).state}: only failed and cancelled jobs are resumed"
            )
        return changed

    def delete(self, job: str) -> None:
        """Forget a job that has ended; its folder is the caller's.

        Raises:
            UnknownJob: there is none.
            JobConflict: it has not ended.
        """
        with self._transaction() as db:
            ended = "state NOT IN ('queued', 'running')"
            if not db.execute(f"DELETE FROM jobs WHERE id = ? AND {ended}", (job,)).rowcount:
                raise JobConflict(f"job {job} is {self.get(job).state}: cancel it first")

    def beat(self, job: Job, heartbeat: float) -> None:
        """Note when the attempt last gave a sign."""
        with self._transaction() as db:
            db.execute(
                "UPDATE jobs SET heartbeat = ? WHERE id = ? AND token = ?", (heartbeat, job.id, job.token)
            )

    def collect(
        self,
        job: str,
        file: str,
        position: Any,
        events: list[tuple[str, dict[str, Any]]],
        progress: Progress | None = None,
        lineage: dict[str, Any] | None = None,
    ) -> None:
        """Keep events read from a file of the job together with how far it was read: each exactly once."""
        with self._transaction() as db:
            now = time.time()
            rows = [(job, now, kind, json.dumps(data)) for kind, data in events]
            db.executemany("INSERT INTO events (job, time, kind, data) VALUES (?, ?, ?, ?)", rows)
            db.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)", (job, file, json.dumps(position)))
            if progress is not None:
                db.execute("UPDATE jobs SET progress = ? WHERE id = ?", (progress.model_dump_json(), job))
            if lineage is not None:
                db.execute("UPDATE jobs SET lineage = ? WHERE id = ?", (json.dumps(lineage), job))

    def position(self, job: str, file: str) -> Any:
        """How far a file of the job was read; None if not at all."""
        row = _one(self._connection, "SELECT position FROM cursors WHERE job = ? AND file = ?", job, file)
        return json.loads(row["position"]) if row else None

    def events(self, job: str, after: int = 0, limit: int = 1000) -> list[Event]:
        """What happened to a job since the event numbered `after`."""
        rows = self._connection.execute(
            "SELECT * FROM events WHERE job = ? AND number > ? ORDER BY number LIMIT ?", (job, after, limit)
        )
        return [Event.model_validate(dict(row) | {"data": json.loads(row["data"])}) for row in rows]

    def _change(self, assignment: str, values: Any, condition: str, keys: Any) -> Job | None:
        """One job's state, with its event; None where `condition` finds none."""
        with self._transaction() as db:
            query = f"UPDATE jobs SET {assignment} WHERE {condition} RETURNING *"
            row = _one(db, query, *values, *keys)
            if row is None:
                return None
            _record_state(db, row)
            return _job(row)

    @property
    def _connection(self) -> sqlite3.Connection:
        """This thread's."""
        if not hasattr(self._local, "connection"):
            connection = sqlite3.connect(self.root / FILE, timeout=BUSY_SECONDS, isolation_level=None)
            connection.row_factory = sqlite3.Row
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                connection.execute(f"PRAGMA {pragma}")
            self._local.connection = connection
        return self._local.connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def _same_request(stored: str, asked: str) -> bool:
    """Whether two specs are one request, of which `resume` may have dropped a deadline that passed."""
    one, other = (JobSpec.model_validate_json(text) for text in (stored, asked))
    if one.deadline is None and other.deadline is not None and other.deadline < time.time():
        other = other.model_copy(update={"deadline": None})
    return one == other


def _one(connection: sqlite3.Connection, query: str, *values: Any) -> sqlite3.Row | None:
    rows = connection.execute(query, values).fetchall()
    return rows[0] if rows else None


def _record_state(connection: sqlite3.Connection, row: sqlite3.Row) -> None:
    data = {key: row[key] for key in ("state", "reason", "attempts")}
    connection.execute(
        "INSERT INTO events (job, time, kind, data) VALUES (?, ?, 'state', ?)",
        (row["id"], time.time(), json.dumps(data)),
    )


def _job(row: sqlite3.Row) -> Job:
    values = {key: row[key] for key in row.keys() if key in Job.model_fields}  # noqa: SIM118 (not a mapping)
    for key in ("spec", "progress", "lineage"):
        values[key] = json.loads(values[key]) if values[key] is not None else None
    return parse_config(Job, values, f"job {values['id']}")
