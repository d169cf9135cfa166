"""The log in one SQLite file."""

import fcntl
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias

from gateway.codecs.outgoing import decode_incident, encode_incident
from gateway.errors import JournalError
from gateway.journal import blocks, events, minutes, notes
from gateway.learning.directory import Directory
from gateway.records import Batch, Event, Foreseen, Health, Incident, Verdicts

if TYPE_CHECKING:
    from gateway.journal.rollup import Rollup

SCHEMAS = (
    """
CREATE TABLE streams (row INTEGER PRIMARY KEY, device TEXT NOT NULL, sensor TEXT NOT NULL) STRICT;
CREATE TABLE log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, at INTEGER NOT NULL, body BLOB
) STRICT;
CREATE TABLE incidents (
    id TEXT NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL, device TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (id, state, at)
) STRICT, WITHOUT ROWID;
CREATE TABLE cursors (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoints (
    seq INTEGER PRIMARY KEY, rules TEXT NOT NULL, digest BLOB NOT NULL, body BLOB NOT NULL
) STRICT;
""",
    """
ALTER TABLE incidents ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
CREATE INDEX incidents_by_seq ON incidents (seq);
CREATE TABLE minutes (
    id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX minutes_by_seq ON minutes (seq);
CREATE INDEX minutes_by_time ON minutes (until, since);
CREATE TABLE dead_letters (line TEXT PRIMARY KEY, at INTEGER NOT NULL, words TEXT NOT NULL) STRICT, WITHOUT ROWID;
""",
)
"""What each version added to the one before.

The `seq` of an incident and of a block of minutes is the newest of the log when it was written, in one transaction with
it: a cursor that passes that number passes them.
"""

CHECKPOINTS = 2
"""Kept, so that a damaged one has another before it."""

Entered: TypeAlias = tuple[Batch, Verdicts] | Event
"""An entry as it is written: readings stand there with the verdicts on them."""


class Journal:
    """Used by one thread at a time; a second gateway on the same file is refused."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None
        self._database: sqlite3.Connection | None = None
        self._streams = 0
        self._rollup: Rollup | None = None

    def open(self) -> None:
        """Open or create the file; raises `JournalError` where it is in use, not ours, or of a newer version."""
        self._lock = self._acquire()
        try:
            with self._threshold():
                self._database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
                self._prepare(self._database)
        except JournalError:
            self.close()
            raise

    def open_for_reading(self) -> None:
        """Open a file that a running gateway may be writing; raises `JournalError` where there is none of ours."""
        with self._threshold():
            self._database = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)
            version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version != len(SCHEMAS):
            self.close()
            message = f"{self.path} is no log of this version of the gateway"
            raise JournalError(message)

    def _acquire(self) -> IO[str]:
        try:
            lock = self.path.with_name(self.path.name + ".lock").open("w")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            message = f"{self.path} is in use by another gateway"
            raise JournalError(message) from error
        except OSError as error:
            message = f"{self.path}: {error.strerror or error}"
            raise JournalError(message) from error
        return lock

    @contextmanager
    def _threshold(self) -> Iterator[None]:
        """Nothing of sqlite3 leaves this room."""
        try:
            yield
        except sqlite3.Error as error:
            message = f"{self.path}: {error}"
            raise JournalError(message) from error

    def _prepare(self, database: sqlite3.Connection) -> None:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if not 0 <= version <= len(SCHEMAS):
            message = f"{self.path} was written by another version of the gateway (schema {version})"
            raise JournalError(message)
        if version == 0 and database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            message = f"{self.path} is a database of another program"
            raise JournalError(message)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            database.execute(f"PRAGMA {pragma}")
        if version < len(SCHEMAS):
            script = "".join(SCHEMAS[version:])
            database.executescript(f"BEGIN; {script} PRAGMA user_version={len(SCHEMAS)}; COMMIT;")
        self._streams = database.execute("SELECT count(*) FROM streams").fetchone()[0]
        self._rollup = None

    @property
    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            message = f"{self.path} is not open"
            raise JournalError(message)
        return self._database

    def close(self) -> None:
        """Release the file; may be called twice."""
        if self._database is not None:
            self._database.close()
            self._database = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def streams(self) -> list[tuple[str, str]]:
        """Device and sensor of every stream, by row."""
        with self._threshold():
            return self._open.execute("SELECT device, sensor FROM streams ORDER BY row").fetchall()

    def append(
        self,
        directory: Directory,
        entries: Sequence[Entered],
        incidents: Sequence[Incident],
        told: Sequence[Foreseen | Health] = (),
    ) -> None:
        """Write all in one durable transaction: new streams, entries, changes of incidents, what changes no state."""
        streams = list(directory.since(self._streams))
        rollup, self._rollup = self._rollup, None  # to be read from the log again, should this fail
        with self._threshold(), transaction(self._open) as database:
            rollup = rollup or minutes.resumed(database)
            database.executemany("INSERT INTO streams VALUES (?, ?, ?)", streams)
            database.executemany("INSERT INTO log (kind, at, body) VALUES (?, ?, ?)", _rows(entries))
            database.executemany(
                "INSERT OR IGNORE INTO incidents VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(seq), 0) FROM log))",
                [(each.id, each.state, each.at, each.device, encode_incident(each)) for each in incidents],
            )  # a repeat after a crash is the same and is ignored
            database.executemany("INSERT INTO log (kind, at, body) VALUES (?, ?, ?)", map(notes.encode, told))
            minutes.sum_up(database, rollup, (entry for entry in entries if isinstance(entry, tuple)))
        self._streams += len(streams)
        self._rollup = rollup

    def entries(self, after: int) -> Iterator[tuple[int, Entered]]:
        """Sequence number and entry of everything after `after`, in order."""
        query = f"SELECT seq, kind, at, body FROM log WHERE seq > ? AND kind NOT IN {notes.KINDS} ORDER BY seq"  # noqa: S608 - a constant
        with self._threshold():
            for seq, kind, at, body in self._open.execute(query, (after,)):
                if kind == "readings":
                    yield seq, blocks.decode(body)
                else:
                    yield seq, events.decode(kind, at, body)

    def incidents(self) -> Iterator[Incident]:
        """Every change of an incident that is kept, in order of time."""
        with self._threshold():
            for at, body in self._open.execute("SELECT at, body FROM incidents ORDER BY at"):
                yield decode_incident(body, at)

    def last(self) -> int:
        """The newest sequence number, 0 in an empty log."""
        with self._threshold():
            return int(self._open.execute("SELECT coalesce(max(seq), 0) FROM log").fetchone()[0])

    def checkpoint(self, rules: str, parts: dict[str, bytes]) -> None:
        """Save the state as of the newest entry; `rules` says under which settings it was folded."""
        lengths = json.dumps({name: len(part) for name, part in parts.items()}).encode()
        body = len(lengths).to_bytes(4, "little") + lengths + b"".join(parts.values())
        with self._threshold(), transaction(self._open) as database:
            database.execute(
                "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?)",
                (self.last(), rules, hashlib.sha256(body).digest(), body),
            )
            database.execute(
                "DELETE FROM checkpoints WHERE seq NOT IN (SELECT seq FROM checkpoints ORDER BY seq DESC LIMIT ?)",
                (CHECKPOINTS,),
            )

    def checkpoints(self, rules: str) -> Iterator[tuple[int, dict[str, bytes]]]:
        """Undamaged checkpoints made under `rules`, newest first, with their sequence number."""
        query = "SELECT seq, digest, body FROM checkpoints WHERE rules = ? ORDER BY seq DESC"
        with self._threshold():
            found = self._open.execute(query, (rules,)).fetchall()
        for seq, digest, body in found:
            if hashlib.sha256(body).digest() == digest:
                yield seq, _parts(body)

    def retain(self, since: int) -> None:
        """Drop entries older than `since` (ns) that the oldest checkpoint already holds."""
        with self._threshold(), transaction(self._open) as database:
            oldest = "(SELECT coalesce(min(seq), 0) FROM checkpoints)"
            database.execute(f"DELETE FROM log WHERE at < ? AND seq <= {oldest}", (since,))  # noqa: S608 - a constant


class transaction:  # noqa: N801 - used as a verb
    """BEGIN, then COMMIT or ROLLBACK."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database

    def __enter__(self) -> sqlite3.Connection:
        self.database.execute("BEGIN IMMEDIATE")
        return self.database

    def __exit__(self, kind: object, *_: object) -> None:
        if self.database.in_transaction:  # SQLite itself rolls back when the disk is full
            self.database.execute("COMMIT" if kind is None else "ROLLBACK")


def _rows(entries: Sequence[Entered]) -> Iterator[tuple[str, int, bytes | None]]:
    waiting: list[tuple[Batch, Verdicts]] = []
    for entry in entries:
        if isinstance(entry, tuple):
            waiting.append(entry)
            continue
        yield from _block(waiting)
        waiting = []
        yield events.encode(entry)
    yield from _block(waiting)


def _block(waiting: Sequence[tuple[Batch, Verdicts]]) -> Iterator[tuple[str, int, bytes]]:
    if waiting:
        batch, verdicts = blocks.join(waiting)
        yield "readings", int(batch.received_at[0]), blocks.encode(batch, verdicts)


def _parts(body: bytes) -> dict[str, bytes]:
    start = 4 + int.from_bytes(body[:4], "little")
    parts = {}
    for name, length in json.loads(body[4:start]).items():
        parts[name] = body[start : start + length]
        start += length
    return parts
