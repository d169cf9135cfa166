"""How the log in a file is, looked at from beside a gateway that may be writing it."""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway.journal.door import refuse_other, threshold

LONGEST_S = 20.0
"""How long the file is read for damage; a log of gigabytes on a slow card takes longer."""

STEPS = 100_000
"""Of SQLite's machine, between two looks at the time: about 1 ms."""

sqlite_version = sqlite3.sqlite_version


@dataclass(frozen=True, slots=True)
class FileHealth:
    """What was found. `damage` is None where the time did not suffice, "" where there is none.

    `rules` is the mark of the newest checkpoint, None where there is none, and `tail` how many entries came after it.
    """

    bytes: int
    streams: int
    entries: int
    newest_at: int | None
    rules: str | None
    tail: int
    damage: str | None


def examine(path: Path) -> FileHealth:
    """Look at it without changing it; raises `JournalError` where it cannot be read or is not ours."""
    with threshold(path), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        refuse_other(path, database)
        return _look(database, path)


def _look(database: sqlite3.Connection, path: Path) -> FileHealth:
    streams = database.execute("SELECT count(*) FROM streams").fetchone()[0]
    entries, newest, last = database.execute("SELECT count(*), max(at), max(seq) FROM log").fetchone()
    checkpoint = database.execute("SELECT seq, rules FROM checkpoints ORDER BY seq DESC LIMIT 1").fetchone()
    seq, rules = checkpoint or (0, None)
    files = [path, path.with_name(path.name + "-wal")]
    size = sum(file.stat().st_size for file in files if file.exists())
    return FileHealth(size, streams, entries, newest, rules, (last or 0) - seq, _damage(database))


def _damage(database: sqlite3.Connection) -> str | None:
    deadline = time.monotonic() + LONGEST_S
    database.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
    try:
        said = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        return None
    finally:
        database.set_progress_handler(None, 0)
    return "" if said == "ok" else said
