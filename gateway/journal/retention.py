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


def first_kept(database: sqlite3.Connection, since: int | None, most: int) -> int:
    """The number before which all is to go: what is older than `since` (ns), if that counts, or beyond `most` bytes.

    Only what every checkpoint holds, and never the newest. In the order of the log, and without the leaps of its clock:
    what was written a minute before the clock was set by a year is a minute old.
    """
    by_age = 0 if since is None else _first_since(database, since, _leaps(database))
    held = int(database.execute(f"SELECT min({_HELD} + 1, {_NEWEST})").fetchone()[0])
    return min(max(by_age, _first_within(database, most)), held)


def drop(database: sqlite3.Connection, before: int) -> None:
    """Within a transaction, take out of the log what stands before this number."""
    database.execute("DELETE FROM log WHERE seq < ?", (before,))
    database.execute("DELETE FROM whereabouts WHERE seq < (SELECT min(seq) FROM log)")


def make_way(database: sqlite3.Connection, before: int, size: int) -> None:
    """Within a transaction that is to write so many bytes, take about as many of the oldest out, before this number.

    What is written takes their place. Freed by themselves, their pages are written as zeros first: at 100 and at 1,000
    readings a second that cost 3.8 bytes for each, and this way 1.4; at 10 a second 6 either way.
    """
    last = 0
    for seq, length in database.execute("SELECT seq, length(body) FROM log WHERE seq < ? ORDER BY seq", (before,)):
        if size < (length or 0) / 2:
            break
        last, size = seq, size - (length or 0)
    database.execute("DELETE FROM log WHERE seq <= ?", (last,))


def drop_beside(database: sqlite3.Connection, since: int, minutes_since: int) -> None:
    """Within a transaction, drop minutes older than `minutes_since` (ns), and what was told before `since` and the log.

    The clock may have been set meanwhile: as much longer minutes are kept.
    """
    ahead = sum(leap for _, leap in _leaps(database) if leap > 0)
    database.execute("DELETE FROM minutes WHERE until <= ?", (minutes_since - ahead,))
    database.execute("DELETE FROM incidents WHERE at < ? AND seq < (SELECT min(seq) FROM log)", (since,))


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


def _first_within(database: sqlite3.Connection, most: int) -> int:
    """The number before which all is to go, so that the file holds no more than `most` bytes; 0 where it does not."""
    excess, last = _used(database) - most, -1
    query = "SELECT seq, length(body) FROM log ORDER BY seq"
    for seq, length in database.execute(query) if excess > 0 else ():
        last, excess = seq, excess - (length or 0)
        if excess <= 0:
            break
    return last + 1


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
