"""Where in the log a device stands, so that forgetting one does not cost reading all.

A row of the table `whereabouts` covers a stretch of the log: for each entry of readings in it, which devices are there.
A device goes by the number of its first stream. The newest stretch has no row yet: there every entry may hold anybody.
"""

import sqlite3
import zlib
from collections.abc import Collection

import numpy as np

from gateway.errors import JournalError
from gateway.journal import blocks, names
from gateway.records import Ints

ROWS = 1000
"""Of the log read at once: no more than a few MB."""


def extend(database: sqlite3.Connection) -> None:
    """Within a transaction, cover the log up to its newest entry."""
    known = names.listed(database)
    first: dict[str, int] = {}
    for number, (device, _) in enumerate(known):
        first.setdefault(device, number)
    devices = np.array([first[device] for device, _ in known], dtype=np.int64)
    after = _covered(database)
    query = "SELECT seq, body FROM log WHERE seq > ? AND kind = 'readings' ORDER BY seq LIMIT ?"
    while rows := database.execute(query, (after, ROWS)).fetchall():
        found = [(seq, np.unique(devices[_streams(body)])) for seq, body in rows]
        seqs = np.concatenate([np.full(len(its), seq) for seq, its in found])
        who = np.concatenate([its for _, its in found])
        after = rows[-1][0]
        database.execute("INSERT INTO whereabouts VALUES (?, ?)", (after, _pack(who, seqs)))


def seqs(database: sqlite3.Connection, device: str) -> Ints:
    """The entries in which readings of the device may stand, in order, and all entries that hold no readings."""
    known = names.listed(database)
    numbers = [number for number, (name, _) in enumerate(known) if name in {device, ""}]  # or its first is forgotten
    found = [_of(body, numbers) for (body,) in database.execute("SELECT body FROM whereabouts")]
    rest = "SELECT seq FROM log WHERE seq > ? AND kind = 'readings'"
    found.append(_column(database.execute(rest, (_covered(database),)).fetchall()))
    found.append(_column(database.execute("SELECT seq FROM log WHERE kind <> 'readings'").fetchall()))
    return np.unique(np.concatenate(found))


def _covered(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT coalesce(max(seq), 0) FROM whereabouts").fetchone()[0])


def _streams(body: bytes) -> Ints:
    try:
        return blocks.decode(body)[0].stream
    except JournalError:  # damage is told of where the log is folded
        return np.zeros(0, np.int64)


def _column(rows: Collection[tuple[int]]) -> Ints:
    return np.array([row[0] for row in rows], dtype=np.int64)


def _pack(who: Ints, seqs: Ints) -> bytes:
    """Sorted by device: a device's entries follow each other in small steps, which compress."""
    order = np.lexsort((seqs, who))
    columns = (np.diff(column[order], prepend=np.int64(0)) for column in (who, seqs))
    return zlib.compress(b"".join(blocks.shuffled(column.astype("<i8")) for column in columns), blocks.LEVEL)


def _of(body: bytes, numbers: Collection[int]) -> Ints:
    plain = memoryview(zlib.decompress(body))
    count = len(plain) // 16
    who, seqs = (
        np.cumsum(blocks.unshuffled(plain[start : start + 8 * count], "<i8", count)) for start in (0, 8 * count)
    )
    return np.asarray(seqs[np.isin(who, list(numbers))])
