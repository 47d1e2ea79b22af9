"""What listeners said, in one SQLite file: on the disk when it is acknowledged."""

import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from server.listening.definition import Kind
from server.listening.plan import Trial

FILE = "answers.sqlite"
BUSY_SECONDS = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS listeners (
    number INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT UNIQUE NOT NULL,
    name TEXT NOT NULL, created REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS ratings (
    listener INTEGER NOT NULL REFERENCES listeners (number),
    kind TEXT NOT NULL, trial INTEGER NOT NULL, clip TEXT NOT NULL, condition TEXT NOT NULL,
    value INTEGER NOT NULL, time REAL NOT NULL,
    PRIMARY KEY (listener, kind, clip, condition)
);
CREATE TABLE IF NOT EXISTS trials (
    listener INTEGER NOT NULL REFERENCES listeners (number),
    kind TEXT NOT NULL, trial INTEGER NOT NULL, time REAL NOT NULL,
    PRIMARY KEY (listener, kind, trial)
);
"""


class Listener(NamedTuple):
    """Someone who takes part; `number` counts from 0, `token` is known to their browser alone."""

    number: int
    token: str
    name: str


class Rating(NamedTuple):
    """What a listener said of a clip under a condition, in a trial that is done."""

    listener: int
    name: str
    kind: Kind
    trial: int
    clip: str
    condition: str
    value: int
    time: float


class Store:
    """The answers of a test; safe in several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        folder.mkdir(parents=True, exist_ok=True)
        with closing(self._connect()) as db:
            db.executescript(_SCHEMA)

    def add(self, name: str) -> Listener:
        """A new listener."""
        token = secrets.token_urlsafe(18)
        with self._transaction() as db:
            cursor = db.execute(
                "INSERT INTO listeners (token, name, created) VALUES (?, ?, ?)", (token, name, time.time())
            )
        return Listener((cursor.lastrowid or 1) - 1, token, name)

    def find(self, token: str) -> Listener | None:
        with closing(self._connect()) as db:
            row = db.execute("SELECT number, token, name FROM listeners WHERE token = ?", (token,)).fetchone()
        return Listener(row[0] - 1, row[1], row[2]) if row else None

    def rate(self, listener: Listener, trial: Trial, condition: str, value: int) -> None:
        """Keep what is said, in the place of what was said before."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO ratings VALUES (?, ?, ?, ?, ?, ?, ?)",
                (listener.number + 1, trial.kind, trial.number, trial.clip, condition, value, time.time()),
            )

    def rated(self, listener: Listener, trial: Trial) -> dict[str, int]:
        """The values of a trial so far, by condition."""
        query = (
            "SELECT condition, value FROM ratings WHERE listener = ? AND kind = ? AND clip = ? AND trial = ?"
        )
        with closing(self._connect()) as db:
            rows = db.execute(query, (listener.number + 1, trial.kind, trial.clip, trial.number)).fetchall()
        return dict(rows)

    def complete(self, listener: Listener, trial: Trial) -> None:
        """The trial is done; its ratings count."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO trials VALUES (?, ?, ?, ?)",
                (listener.number + 1, trial.kind, trial.number, time.time()),
            )

    def completed(self, listener: Listener) -> set[tuple[Kind, int]]:
        with closing(self._connect()) as db:
            rows = db.execute("SELECT kind, trial FROM trials WHERE listener = ?", (listener.number + 1,))
            return {(Kind(kind), number) for kind, number in rows}

    def ratings(self) -> list[Rating]:
        """All that counts, in the order it was said."""
        query = """
            SELECT r.listener - 1, l.name, r.kind, r.trial, r.clip, r.condition, r.value, r.time
            FROM ratings r JOIN trials USING (listener, kind, trial)
            JOIN listeners l ON l.number = r.listener
            ORDER BY r.listener, r.kind, r.trial, r.time
        """
        with closing(self._connect()) as db:
            return [Rating(*row)._replace(kind=Kind(row[2])) for row in db.execute(query)]

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection  # an error closes the connection, which rolls back
            connection.execute("COMMIT")
