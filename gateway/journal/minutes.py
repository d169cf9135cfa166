"""The table of minutes: what the log's readings came to, kept longer than they are."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress

from gateway.errors import JournalError
from gateway.journal import blocks, notes
from gateway.journal.rollup import MINUTE, Rollup, without
from gateway.passages import Minutes
from gateway.records import Batch, Ints, Verdicts

ROWS = 1000
"""Of the log read at once: no more than a few MB."""


def resumed(database: sqlite3.Connection) -> Rollup:
    """Where the rollup stood when the log ended: its last block, and the readings since."""
    rollup = Rollup()
    last = database.execute("SELECT seq, since, body FROM minutes ORDER BY seq DESC LIMIT 1").fetchone()
    if last:
        rollup.resume(_minutes(*last[1:]))
    query = "SELECT seq, body FROM log WHERE seq > ? AND kind = 'readings' ORDER BY seq LIMIT ?"
    seq = last[0] if last else 0
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
    if rollup.is_due:
        found = rollup.flush()
        _, since, body = notes.encode(found)
        until = int(found.minute.max()) + MINUTE
        database.execute("INSERT INTO minutes VALUES (?, ?, ?, ?)", (seq, since, until, body))


def passed(database: sqlite3.Connection, after: int, until: int) -> Iterator[Minutes]:
    """The blocks that were written with entries of the log after the one and up to the other."""
    query = "SELECT since, body FROM minutes WHERE seq > ? AND seq <= ? ORDER BY seq"
    for since, body in database.execute(query, (after, until)):
        yield _minutes(since, body)


def between(database: sqlite3.Connection, start: int, end: int) -> Iterator[Minutes]:
    """The blocks that hold minutes of [start, end), in the order they were written; of two rows the later counts."""
    query = "SELECT since, body FROM minutes WHERE since < ? AND until > ? ORDER BY seq"
    for since, body in database.execute(query, (end, start)):
        yield _minutes(since, body)


def forget(database: sqlite3.Connection, streams: Ints, start: int, end: int) -> int:
    """Drop the minutes that readings of these streams observed in [start, end) went into; how many rows that was.

    A minute at the edge goes whole: what it says of the readings that stay can no longer be told apart.
    """
    query = "SELECT seq, since, body FROM minutes WHERE since < ? AND until > ?"
    gone = 0
    for number, since, body in database.execute(query, (end, start)).fetchall():
        before = _minutes(since, body)
        after = without(before, streams, start, end)
        gone += len(before) - len(after)
        if not len(after):
            database.execute("DELETE FROM minutes WHERE seq = ?", (number,))
        elif len(after) < len(before):
            database.execute("UPDATE minutes SET body = ? WHERE seq = ?", (notes.encode(after)[2], number))
    return gone


def _minutes(since: int, body: bytes) -> Minutes:
    found = notes.decode(notes.MINUTES, since, body)
    assert isinstance(found, Minutes)  # noqa: S101 - decoded as such
    return found
