"""Room on the disk: a reserve beside the log, and what is done with it on the day the disk is full."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

MOST_PAGES = 2**32 - 2
"""SQLite's own limit to a file's size, when ours is lifted."""

WAL_BYTES = 2**22
"""What the write-ahead log grows to before SQLite brings it into the file: the longer it waits, the more of the pages
that change with every commit are brought over only once; 4 MB are read again after a crash in 10 ms."""

RESERVE = 2 * WAL_BYTES
"""Bytes set aside: taking something out needs room itself, and what is being written stands there twice."""


def keep(path: Path, database: sqlite3.Connection) -> None:
    """Set room aside for the day when the disk is full; without effect where there is none."""
    reserve = _beside(path)
    if reserve.exists():
        return
    with suppress(OSError):
        disk = os.statvfs(path.parent)
        if disk.f_bavail * disk.f_frsize > 2 * RESERVE:  # or it would take what was freed just now
            with reserve.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE)
            database.execute(f"PRAGMA max_page_count={MOST_PAGES}")


def give_up(path: Path, database: sqlite3.Connection) -> None:
    """Free the reserve, and hold the file at its size: what is taken out of it is free for the write-ahead log."""
    with suppress(OSError):  # a disk that cannot be written at all
        _beside(path).unlink(missing_ok=True)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count={pages}")


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".reserve")
