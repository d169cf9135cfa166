"""Where in the log a device stands, so that forgetting one does not cost reading all.

A row of the table `whereabouts` covers a stretch of the log: for each entry of readings or forecasts in it, which
devices are there, and which entries are of neither. A device goes by the number of its first stream. The newest stretch
has no row yet: there every entry may hold anybody.
"""

import sqlite3

import numpy as np

from gateway.errors import JournalError
from gateway.journal import blocks, names, notes
from gateway.journal.columns import Packed, pack
from gateway.records import Ints, Mask

ROWS = 1000
"""Of the log read at once: no more than a few MB."""

NOBODY = np.array([-1])
"""Whose the entries are that hold neither readings nor forecasts."""


def extend(database: sqlite3.Connection) -> None:
    """Within a transaction, cover the log up to its newest entry."""
    known = names.listed(database)
    first: dict[str, int] = {}
    for number, (device, _) in enumerate(known):
        first.setdefault(device, number)
    devices = np.array([first[device] for device, _ in known], dtype=np.int64)
    after = _covered(database)
    query = "SELECT seq, kind, body FROM log WHERE seq > ? ORDER BY seq LIMIT ?"
    while rows := database.execute(query, (after, ROWS)).fetchall():
        found = [(seq, _present(devices, kind, body)) for seq, kind, body in rows]
        seqs = np.concatenate([np.full(len(its), seq) for seq, its in found])
        who = np.concatenate([its for _, its in found])
        after = rows[-1][0]
        database.execute("INSERT INTO whereabouts VALUES (?, ?)", (after, _pack(who, seqs)))


def seqs(database: sqlite3.Connection, device: str) -> Ints:
    """The entries in which readings or forecasts of the device may stand, in order, and all of neither.

    Some of them may be there no more.
    """
    asked = np.array([*_streams(database, device)[:1], *NOBODY], dtype=np.int64)
    found = [_of(body, asked) for (body,) in database.execute("SELECT body FROM whereabouts")]
    rest = database.execute("SELECT seq FROM log WHERE seq > ?", (_covered(database),)).fetchall()
    return np.unique(np.concatenate([*found, np.array([row[0] for row in rest], dtype=np.int64)]))


def rename(database: sqlite3.Connection, device: str, is_gone: Mask) -> None:
    """Within a transaction, before the names of these streams go: let the device go by the first of those that stay.

    Where none stays, its number is nobody's from then on.
    """
    numbers = _streams(database, device)
    left = [number for number in numbers if not is_gone[number]]
    if not left or left[0] == numbers[0]:
        return
    for seq, body in database.execute("SELECT seq, body FROM whereabouts").fetchall():
        who, seqs = _opened(body)
        who[who == numbers[0]] = left[0]
        database.execute("UPDATE whereabouts SET body = ? WHERE seq = ?", (_pack(who, seqs), seq))


def _streams(database: sqlite3.Connection, device: str) -> list[int]:
    """The numbers of a device's streams; it goes by the first."""
    return [number for number, (name, _) in enumerate(names.listed(database)) if name == device]


def _covered(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT coalesce(max(seq), 0) FROM whereabouts").fetchone()[0])


def _present(devices: Ints, kind: str, body: bytes) -> Ints:
    if kind not in {"readings", notes.FORESEEN}:
        return NOBODY
    try:
        return np.unique(devices[blocks.streams(body) if kind == "readings" else notes.streams(body)])
    except JournalError:  # damage is told of where the log is folded; it may be anybody's
        return NOBODY


def _pack(who: Ints, seqs: Ints) -> bytes:
    """Sorted by device: a device's entries follow each other in small steps, which compress."""
    order = np.lexsort((seqs, who))
    return len(who).to_bytes(8, "little") + pack(who[order], seqs[order], ())


def _opened(body: bytes) -> tuple[Ints, Ints]:
    packed = Packed(body[8:], int.from_bytes(body[:8], "little"))
    return packed.stream, packed.when


def _of(body: bytes, numbers: Ints) -> Ints:
    who, seqs = _opened(body)
    starts, ends = (np.searchsorted(who, numbers, side) for side in ("left", "right"))
    return np.concatenate([seqs[start:end] for start, end in zip(starts, ends, strict=True)])
