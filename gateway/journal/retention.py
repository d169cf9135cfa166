"""What goes from the log when it is old, too large, or the disk is full: the oldest, and only what a state holds."""

import sqlite3

OLDEST = 200
"""Entries that go at once where the disk is full: taking them out needs room itself, some 100 kB."""

_HELD = "(SELECT coalesce(min(seq), 0) FROM checkpoints)"
_NEWEST = "(SELECT coalesce(max(seq), 0) FROM log)"


def drop_old(database: sqlite3.Connection, since: int) -> None:
    """Within a transaction, drop what stands before the first entry that is not older than `since` (ns).

    In the order of the log, not of the clock: what was written while the clock was wrong goes with its neighbours.
    """
    first = "(SELECT coalesce(min(seq), 0) FROM log WHERE at >= ?)"
    database.execute(f"DELETE FROM log WHERE seq < {first} AND seq <= {_HELD} AND seq < {_NEWEST}", (since,))  # noqa: S608 - constants
    database.execute("DELETE FROM incidents WHERE at < ? AND seq < (SELECT min(seq) FROM log)", (since,))
    _tidy(database)


def drop_large(database: sqlite3.Connection, most: int) -> None:
    """Within a transaction, drop the oldest entries where the file holds more than `most` bytes."""
    excess = _used(database) - most
    if excess <= 0:
        return
    last = 0
    query = f"SELECT seq, length(body) FROM log WHERE seq <= {_HELD} AND seq < {_NEWEST} ORDER BY seq"  # noqa: S608
    for seq, length in database.execute(query):
        last, excess = seq, excess - (length or 0)
        if excess <= 0:
            break
    database.execute("DELETE FROM log WHERE seq <= ?", (last,))
    _tidy(database)


def make_room(database: sqlite3.Connection) -> bool:
    """Within a transaction, drop a little of the oldest: first of the summaries, then of the log; False at the end."""
    summaries = "SELECT seq FROM minutes ORDER BY seq LIMIT ?"
    if database.execute(f"DELETE FROM minutes WHERE seq IN ({summaries})", (OLDEST,)).rowcount:  # noqa: S608
        return True
    oldest = f"SELECT seq FROM log WHERE seq <= {_HELD} AND seq < {_NEWEST} ORDER BY seq LIMIT ?"  # noqa: S608
    return database.execute(f"DELETE FROM log WHERE seq IN ({oldest})", (OLDEST,)).rowcount > 0  # noqa: S608


def _used(database: sqlite3.Connection) -> int:
    pages, free, size = (
        int(database.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _tidy(database: sqlite3.Connection) -> None:
    database.execute("DELETE FROM whereabouts WHERE seq < (SELECT min(seq) FROM log)")
