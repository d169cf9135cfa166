"""The log in one SQLite file."""

import fcntl
import hashlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gateway.codecs.outgoing import encode_incident
from gateway.errors import DiskError, JournalError
from gateway.journal import blocks, events, finder, forgetting, minutes, names, notes, retention
from gateway.journal.reader import Entered
from gateway.journal.schema import SCHEMAS
from gateway.learning.directory import Directory
from gateway.passages import Foreseen, Health
from gateway.records import Batch, Incident, Ints, Renewed, Undone, Verdicts

if TYPE_CHECKING:
    from gateway.journal.rollup import Rollup

DISK = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
"""SQLite's words for a disk that cannot be written."""

MOST_PAGES = 2**32 - 2
"""SQLite's own limit to a file's size, when ours is lifted."""

RESERVE = 2**23
"""Bytes set aside beside the log: twice what the write-ahead log grows to before SQLite empties it (1,000 pages)."""

CHECKPOINTS = 2
"""Kept, so that a damaged one has another before it."""


class Journal:
    """Used by one thread at a time; a second gateway on the same file is refused."""

    def __init__(self, path: Path, *, is_durable: bool = True) -> None:
        self.path = path
        self._is_durable = is_durable
        self._lock: IO[str] | None = None
        self._database: sqlite3.Connection | None = None
        self._names: names.Names | None = None
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
            kind = DiskError if getattr(error, "sqlite_errorcode", 0) & 0xFF in DISK else JournalError
            raise kind(message) from error

    def _prepare(self, database: sqlite3.Connection) -> None:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if not 0 <= version <= len(SCHEMAS):
            message = f"{self.path} was written by another version of the gateway (schema {version})"
            raise JournalError(message)
        if version == 0 and database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            message = f"{self.path} is a database of another program"
            raise JournalError(message)
        synchronous = "FULL" if self._is_durable else "NORMAL"
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "secure_delete=ON"):
            database.execute(f"PRAGMA {pragma}")
        if version < len(SCHEMAS):
            script = "".join(SCHEMAS[version:])
            database.executescript(f"BEGIN; {script} PRAGMA user_version={len(SCHEMAS)}; COMMIT;")
        self._names = self._rollup = None

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
        """Device and sensor of every stream, by number; empty where it was forgotten."""
        with self._threshold():
            return names.listed(self._open)

    def append(
        self,
        directory: Directory,
        entries: Sequence[Entered],
        incidents: Sequence[Incident],
        told: Sequence[Foreseen | Health] = (),
        receipts: bytes = b"",
    ) -> None:
        """Write all in one durable transaction: new streams, entries, changes of incidents, what changes no state.

        `receipts` is what the messages behind it will be known by, should they come again.
        """
        known, self._names = self._names, None  # to be read from the log again, should this fail
        rollup, self._rollup = self._rollup, None
        with self._threshold(), transaction(self._open) as database:
            known, rollup = known or names.Names(database), rollup or minutes.resumed(database)
            numbers = known.numbers(database, directory)
            entries = [(_numbered(each[0], numbers), each[1]) if isinstance(each, tuple) else each for each in entries]
            told = [replace(each, stream=numbers[each.stream]) if isinstance(each, Foreseen) else each for each in told]
            database.executemany("INSERT INTO log (kind, at, body) VALUES (?, ?, ?)", _rows(entries))
            if receipts:
                newest = "(SELECT max(seq) FROM log)"
                database.execute(f"UPDATE log SET receipts = ? WHERE seq = {newest}", (receipts,))  # noqa: S608 - a constant
            _tell(database, incidents)
            database.executemany("INSERT INTO log (kind, at, body) VALUES (?, ?, ?)", map(notes.encode, told))
            minutes.sum_up(database, rollup, (entry for entry in entries if isinstance(entry, tuple)))
        self._names, self._rollup = known, rollup

    def receipts(self, commits: int) -> list[bytes]:
        """What the messages of the newest commits are known by, oldest first."""
        query = "SELECT receipts FROM log WHERE receipts IS NOT NULL ORDER BY seq DESC LIMIT ?"
        with self._threshold():
            return [body for (body,) in self._open.execute(query, (commits,))][::-1]

    def last(self) -> int:
        """The newest sequence number, 0 in an empty log."""
        with self._threshold():
            return int(self._open.execute("SELECT coalesce(max(seq), 0) FROM log").fetchone()[0])

    def checkpoint(self, rules: str, parts: Mapping[str, bytes]) -> None:
        """Save the state as of the newest entry; `rules` says under which settings it was folded."""
        with self._threshold(), transaction(self._open) as database:
            self._save(database, rules, parts)
            database.execute(
                "DELETE FROM checkpoints WHERE seq NOT IN (SELECT seq FROM checkpoints ORDER BY seq DESC LIMIT ?)",
                (CHECKPOINTS,),
            )
            finder.extend(database)

    def _save(self, database: sqlite3.Connection, rules: str, parts: Mapping[str, bytes]) -> None:
        lengths = json.dumps({name: len(part) for name, part in parts.items()}).encode()
        body = len(lengths).to_bytes(4, "little") + lengths + b"".join(parts.values())
        digest = hashlib.sha256(body).digest()
        database.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?)", (self.last(), rules, digest, body))

    def forget(self, order: forgetting.Forgetting, rules: str, parts: Mapping[str, bytes]) -> Counter[str]:
        """In one transaction take all that is to go out of the file, and save the state without it.

        Returns how many rows went, by what they were. `parts` is empty where the state cannot be saved.
        """
        self._names = self._rollup = None
        with self._threshold(), transaction(self._open) as database:
            removed = forgetting.forget(database, order)
            database.execute("DELETE FROM checkpoints")
            if parts:
                self._save(database, rules, parts)
        return removed

    def restart(
        self, entry: Undone | Renewed, rules: str, parts: Mapping[str, bytes], incidents: Sequence[Incident]
    ) -> None:
        """In one transaction enter what changes what is learned of the log so far, and save the state that follows.

        Older states must not be gone back to: they do not know of it.
        """
        with self._threshold(), transaction(self._open) as database:
            database.execute("INSERT INTO log (kind, at, body) VALUES (?, ?, ?)", events.encode(entry))
            _tell(database, incidents)
            database.execute("DELETE FROM checkpoints")
            if parts:
                self._save(database, rules, parts)

    def empty_the_wal(self) -> bool:
        """Bring everything into the file itself and leave nothing beside it; False while somebody reads on."""
        with self._threshold():
            return not self._open.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]

    def quarantine(self, damaged: Mapping[int, str]) -> None:
        """Put entries that cannot be read aside, with the reason."""
        if not damaged:
            return
        with self._threshold(), transaction(self._open) as database:
            query = "INSERT OR REPLACE INTO quarantine SELECT seq, kind, at, body, ? FROM log WHERE seq = ?"
            database.executemany(query, [(words, seq) for seq, words in damaged.items()])
            database.executemany("DELETE FROM log WHERE seq = ?", [(seq,) for seq in damaged])

    def marks(self) -> list[str]:
        """The rules under which there are checkpoints, those of the newest first."""
        with self._threshold():
            found = self._open.execute("SELECT rules FROM checkpoints ORDER BY seq DESC").fetchall()
        return list(dict.fromkeys(rules for (rules,) in found))

    def checkpoints(self, rules: str) -> Iterator[tuple[int, dict[str, bytes]]]:
        """Undamaged checkpoints made under `rules`, newest first, with their sequence number."""
        query = "SELECT seq, digest, body FROM checkpoints WHERE rules = ? ORDER BY seq DESC"
        with self._threshold():
            found = self._open.execute(query, (rules,)).fetchall()
        for seq, digest, body in found:
            if hashlib.sha256(body).digest() == digest:
                yield seq, _parts(body)

    def retain(self, since: int | None, most_bytes: int, minutes_since: int = 0) -> None:
        """Drop the oldest entries that every checkpoint holds: those before `since` (ns), and beyond `most_bytes`.

        And minutes older than `minutes_since`. Without a `since` age counts for nothing.
        """
        with self._threshold(), transaction(self._open) as database:
            if since is not None:
                retention.drop_old(database, since)
                database.execute("DELETE FROM minutes WHERE until <= ?", (minutes_since,))
            retention.drop_large(database, most_bytes)

    def make_room(self) -> bool:
        """On a full disk, take the oldest out until there is room to write; False where nothing is left to go.

        The reserve is given up first: taking out needs room itself.
        """
        self._reserve.unlink(missing_ok=True)
        with self._threshold():
            self._open.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            # From now on the file does not grow, so that what was freed stays free for the write-ahead log.
            pages = self._open.execute("PRAGMA page_count").fetchone()[0]
            self._open.execute(f"PRAGMA max_page_count={pages}")
            with transaction(self._open) as database:
                has_gone = retention.make_room(database)
            self._open.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return has_gone

    def keep_reserve(self) -> None:
        """Set room aside for the day when the disk is full; without effect where there is none."""
        if self._reserve.exists():
            return
        with suppress(OSError):
            disk = os.statvfs(self.path.parent)
            if disk.f_bavail * disk.f_frsize > 2 * RESERVE:  # or it would take what was freed just now
                with self._reserve.open("wb") as file:
                    os.posix_fallocate(file.fileno(), 0, RESERVE)
                self._open.execute(f"PRAGMA max_page_count={MOST_PAGES}")

    @property
    def _reserve(self) -> Path:
        return self.path.with_name(self.path.name + ".reserve")


class transaction:  # noqa: N801 - used as a verb
    """BEGIN, then COMMIT or ROLLBACK."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database

    def __enter__(self) -> sqlite3.Connection:
        self.database.execute("BEGIN IMMEDIATE")
        return self.database

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self.database.execute("COMMIT")
        finally:
            if self.database.in_transaction:  # SQLite itself rolls back when the disk is full, mostly
                self.database.execute("ROLLBACK")


def _tell(database: sqlite3.Connection, incidents: Sequence[Incident]) -> None:
    """Write down what was told; a repeat after a crash is the same and is ignored."""
    database.executemany(
        "INSERT OR IGNORE INTO incidents VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(seq), 0) FROM log))",
        [(each.id, each.state, each.at, each.device, encode_incident(each)) for each in incidents],
    )


def _numbered(batch: Batch, numbers: Ints) -> Batch:
    return Batch(numbers[batch.stream], batch.observed_at, batch.received_at, batch.value)


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
