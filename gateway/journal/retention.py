"""What goes from the log when it is old, too large, or the disk is full: the oldest, and only what a state holds."""

import sqlite3
from collections.abc import Sequence

from gateway.records import SECOND

OLDEST = 200
"""Entries that go at once where the disk is full: taking them out needs room itself, some 100 kB."""

AWAY = 86400 * SECOND
"""How long a gateway is believed to have been switched off."""

_HELD = "(SELECT coalesce(min(seq), 0) FROM checkpoints)"
_NEWEST = "(SELECT coalesce(max(seq), 0) FROM log)"


def drop_old(database: sqlite3.Connection, since: int, minutes_since: int) -> None:
    """Within a transaction, drop what stands before the first entry that is not older than `since` (ns).

    In the order of the log, and without the leaps of its clock: what was written a minute before the clock was set by a
    year is a minute old. And minutes older than `minutes_since`.
    """
    leaps = _leaps(database)
    first = _first_since(database, since, leaps)
    database.execute(f"DELETE FROM log WHERE seq < ? AND seq <= {_HELD} AND seq < {_NEWEST}", (first,))  # noqa: S608 - constants
    ahead = sum(leap for _, leap in leaps if leap > 0)
    database.execute("DELETE FROM minutes WHERE until <= ?", (minutes_since - ahead,))
    database.execute("DELETE FROM incidents WHERE at < ? AND seq < (SELECT min(seq) FROM log)", (since,))
    _tidy(database)


def _leaps(database: sqlite3.Connection) -> list[tuple[int, int]]:
    """At which entries the clock was set, and by how much (ns), oldest first.

    Between two resumes it ran. A gateway that was away for longer than `AWAY` cannot be told from a clock that was set
    forward: as much longer all before is kept.
    """
    before = "SELECT at FROM log WHERE seq < resumed.seq AND kind <> 'foreseen' ORDER BY seq DESC LIMIT 1"
    resumes = "SELECT seq, at FROM log WHERE kind <> 'readings' AND kind = 'resume'"
    query = f"SELECT seq, at - ({before}) FROM ({resumes}) AS resumed ORDER BY seq"  # noqa: S608 - constants
    found = database.execute(query).fetchall()
    return [(seq, leap) for seq, leap in found if leap is not None and not 0 <= leap <= AWAY]


def _first_since(database: sqlite3.Connection, since: int, leaps: Sequence[tuple[int, int]]) -> int:
    """The number of the first entry that was made after `since` (ns) as the clock is set now; 0 where there is none."""
    starts, ends = [0, *(seq for seq, _ in leaps)], [*(seq for seq, _ in leaps), 2**63 - 1]
    query = "SELECT seq FROM log WHERE seq >= ? AND seq < ? AND at >= ? AND kind <> 'foreseen' ORDER BY seq LIMIT 1"
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        leapt = sum(leap for _, leap in leaps[place:])
        if found := database.execute(query, (start, end, since - leapt)).fetchone():
            return int(found[0])
    return 0


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
    summaries = "SELECT place FROM minutes ORDER BY place LIMIT ?"
    if database.execute(f"DELETE FROM minutes WHERE place IN ({summaries})", (OLDEST,)).rowcount:  # noqa: S608
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
