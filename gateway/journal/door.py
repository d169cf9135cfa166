"""What every connection to a log's file has in common: nothing of sqlite3 leaves this room."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import DiskError, JournalError
from gateway.journal.schema import VERSION

DISK = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
"""SQLite's words for a disk that cannot be written."""

WAIT_S = 60.0
"""How long the other connections wait for each other."""


class Door:
    """One connection, used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database: sqlite3.Connection | None = None

    def close(self) -> None:
        """Release the file; may be called twice."""
        if self._database is not None:
            self._database.close()
            self._database = None

    @property
    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            message = f"{self.path} is not open"
            raise JournalError(message)
        return self._database

    @contextmanager
    def _threshold(self) -> Iterator[None]:
        with threshold(self.path):
            yield

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing."""
        with self._threshold():
            self._open.execute("BEGIN IMMEDIATE")
            try:
                yield self._open
                self._open.execute("COMMIT")
            finally:
                if self._open.in_transaction:  # SQLite itself rolls back when the disk is full, mostly
                    self._open.execute("ROLLBACK")


@contextmanager
def threshold(path: Path) -> Iterator[None]:
    """Say in our own words what the database says of the file."""
    try:
        yield
    except sqlite3.Error as error:
        message = f"{path}: {error}"
        kind = DiskError if getattr(error, "sqlite_errorcode", 0) & 0xFF in DISK else JournalError
        raise kind(message) from error


def version(database: sqlite3.Connection) -> int:
    """Which format the file says it has; 0 where it says nothing."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def refuse_other(path: Path, database: sqlite3.Connection) -> None:
    """Raise `JournalError` where the file is of another format than ours."""
    if (its := version(database)) != VERSION:
        message = f"{path} is a log of format {its}; this version of the gateway reads and writes {VERSION} alone"
        raise JournalError(message)
