"""The table of minutes: what the log's readings came to, kept longer than they are.

What is summed up at once is one block, and a row of the table holds those streams of it whose numbers are neighbours:
so few of them are unpacked for one device. A row's `place` says with which entry of the log it was written, and whose
it is.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress

import numpy as np

from gateway.errors import JournalError
from gateway.journal import blocks, notes
from gateway.journal.rollup import MINUTE, Rollup
from gateway.passages import Minutes
from gateway.records import Batch, Ints, Mask, Span, Verdicts

ROWS = 1000
"""Of the log read at once: no more than a few MB."""

STREAMS = 64
"""In a row: some 12 devices. Half as many took 6 % more room for their minutes, and twice as many as long to forget."""

PARTS = 2**20
"""Of the numbers of streams there are fewer."""

NEWEST = f"max(place) / {PARTS}"
"""The newest entry of the log when the last row was written, in SQL."""


def resumed(database: sqlite3.Connection) -> Rollup:
    """Where the rollup stood when the log ended: its last block, and the readings since."""
    rollup = Rollup()
    seq = int(database.execute(f"SELECT coalesce({NEWEST}, 0) FROM minutes").fetchone()[0])  # noqa: S608 - a constant
    for block in passed(database, seq - 1, seq):
        rollup.resume(block)
    query = "SELECT seq, body FROM log WHERE seq > ? AND kind = 'readings' ORDER BY seq LIMIT ?"
    while found := database.execute(query, (seq, ROWS)).fetchall():
        seq = found[-1][0]
        for _, body in found:
            with suppress(JournalError):  # damage is told of where the log is folded
                rollup.add(*blocks.decode(body))
        _write_if_due(database, rollup, seq)
    return rollup


def sum_up(database: sqlite3.Connection, rollup: Rollup, readings: Iterable[tuple[Batch, Verdicts]], seq: int) -> None:
    """Within the transaction that writes these readings, up to entry `seq`: add them up, and write what is due."""
    for batch, verdicts in readings:
        rollup.add(batch, verdicts)
    _write_if_due(database, rollup, seq)


def _write_if_due(database: sqlite3.Connection, rollup: Rollup, seq: int) -> None:
    if not rollup.is_due:
        return
    found = rollup.flush()
    until = int(found.minute.max()) + MINUTE
    parts = found.stream // STREAMS
    for part in np.unique(parts).tolist():
        _, since, body = notes.encode(found.at(np.flatnonzero(parts == part)))
        row = (seq * PARTS + part, since, until, body)
        database.execute("INSERT INTO minutes VALUES (?, ?, ?, ?)", row)


def passed(database: sqlite3.Connection, after: int, until: int) -> Iterator[Minutes]:
    """What was written with entries of the log after the one and up to the other."""
    query = "SELECT since, body FROM minutes WHERE place >= ? AND place < ? ORDER BY place"
    for since, body in database.execute(query, ((after + 1) * PARTS, (until + 1) * PARTS)):
        yield _minutes(since, body)


def between(database: sqlite3.Connection, streams: Ints, start: int, end: int) -> Iterator[Minutes]:
    """Minutes of [start, end) of these streams, and of others, as they were written; of two rows the later counts."""
    for _, since, body in _rows(database, streams, start, end):
        yield _minutes(since, body)


def _rows(database: sqlite3.Connection, streams: Ints, start: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    parts = np.unique(streams // STREAMS).tolist()
    marks = ",".join("?" * len(parts))
    query = f"SELECT place FROM minutes WHERE since < ? AND until > ? AND place % {PARTS} IN ({marks}) ORDER BY place"  # noqa: S608 - marks
    for (place,) in database.execute(query, (end, start, *parts)).fetchall():
        yield from database.execute("SELECT place, since, body FROM minutes WHERE place = ?", (place,))


def forget(database: sqlite3.Connection, is_gone: Mask, span: Span) -> int:
    """Drop the minutes that readings of these streams, by number, went into, where the span's time is; how many rows.

    A minute at the edge goes whole: what it says of the readings that stay can no longer be told apart.
    """
    removed = 0
    for place, since, body in _rows(database, np.flatnonzero(is_gone), span.since, span.until):
        rest, count = notes.without(body, is_gone) if span.is_all_time else _without(since, body, is_gone, span)
        removed += count
        if not rest:
            database.execute("DELETE FROM minutes WHERE place = ?", (place,))
        elif count:
            database.execute("UPDATE minutes SET body = ? WHERE place = ?", (rest, place))
    return removed


def _without(since: int, body: bytes, is_gone: Mask, span: Span) -> tuple[bytes, int]:
    """The body of a block of minutes without those, and how many they are; empty if there are no others."""
    found = _minutes(since, body)
    is_within = (found.minute > span.since - MINUTE) & (found.minute < span.until)
    kept = np.flatnonzero(~(is_gone[found.stream] & is_within))
    return notes.encode(found.at(kept))[2] if len(kept) else b"", len(found) - len(kept)


def _minutes(since: int, body: bytes) -> Minutes:
    found = notes.decode(notes.MINUTES, since, body)
    assert isinstance(found, Minutes)  # noqa: S101 - decoded as such
    return found
