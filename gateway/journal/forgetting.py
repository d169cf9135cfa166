"""Taking a device's readings out of the log and everything beside it, so that no byte of them stays in the file."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from glob import escape
from typing import NamedTuple, TypeAlias

import numpy as np

from gateway.codecs.outgoing import encode_incident
from gateway.errors import JournalError
from gateway.journal import blocks, events, finder, minutes, names, notes
from gateway.records import (
    Availability,
    Described,
    Event,
    Feedback,
    Incident,
    Ints,
    Maintenance,
    Mask,
    Span,
    Undone,
    Verdicts,
)

ROWS = 200
"""Of the log taken up at once."""

Row: TypeAlias = tuple[int, str, int, bytes]
"""Of the log: number, kind, time and body."""


@dataclass(frozen=True, slots=True, eq=False)
class Forgetting:
    """What is to go, and what is said of the device's other readings by who never saw that.

    `said` holds verdicts by entry and positions in it, `told` the incidents. `removed` counts the rows that went, by
    what they were, while they go.
    """

    gone: Span
    said: Mapping[int, tuple[Ints, Verdicts]] = field(default_factory=dict)
    told: Sequence[Incident] = ()
    removed: Counter[str] = field(default_factory=Counter)


class Edit(NamedTuple):
    """What takes the place of an entry's body, or nothing where that goes; what was taken out, and how often.

    An edit that takes nothing out puts other verdicts on what stays, or leaves a name out of what was said.
    """

    seq: int
    rest: bytes
    what: str
    taken: int


def forget(database: sqlite3.Connection, order: Forgetting) -> None:
    """Within a transaction: take it out of every table but the checkpoints."""
    gone, device, removed = order.gone, str(order.gone.device), order.removed
    known = names.listed(database)
    streams = _fitting(known, gone)
    edited = partial(_edited, order, streams, _fitting(known, Span(device)))
    for edits in _ahead(edited, _chunks(database, finder.seqs(database, device))):
        for edit in edits:
            removed[edit.what] += edit.taken
        _write(database, edits)
    removed["incidents"] = _forget_incidents(database, order)
    removed["minutes"] = minutes.forget(database, streams, gone)
    removed["dead letters"] = _forget_letters(database, device)
    removed["damaged entries"] += database.execute("DELETE FROM quarantine").rowcount
    if gone.is_all_time:
        finder.rename(database, device, streams)
        removed["streams"] = names.forget(database, np.flatnonzero(streams).tolist())


def _chunks(database: sqlite3.Connection, seqs: Ints) -> Iterator[list[Row]]:
    """These entries, some at a time."""
    for start in range(0, len(seqs), ROWS):
        some = seqs[start : start + ROWS].tolist()
        query = f"SELECT seq, kind, at, body FROM log WHERE seq IN ({','.join('?' * len(some))})"  # noqa: S608 - marks
        yield database.execute(query, some).fetchall()


def _ahead(edited: Callable[[Row], Edit | None], chunks: Iterable[list[Row]]) -> Iterator[list[Edit]]:
    """The edits of each chunk, made by a thread of their own while those of the chunk before are written.

    zlib and SQLite let other threads run: of 30 days of 1,000 devices one was forgotten in 11.2 s, not in 13.5.
    """

    def edits(rows: list[Row]) -> list[Edit]:
        return [edit for row in rows if (edit := edited(row)) is not None]

    with ThreadPoolExecutor(1, "forgetting") as aside:
        before: Future[list[Edit]] | None = None
        for rows in chunks:
            coming = aside.submit(edits, rows)
            if before is not None:
                yield before.result()
            before = coming
        if before is not None:
            yield before.result()


def _edited(order: Forgetting, streams: Mask, of_device: Mask, row: Row) -> Edit | None:
    """What becomes of an entry; None where nothing does."""
    seq, kind, at, body = row
    gone = order.gone
    try:
        if kind == "readings":
            return _edit_readings(seq, body, streams, order)
        if kind == notes.FORESEEN:  # all that was foreseen of the device: it may come from what is forgotten
            rest, count = notes.without(body, of_device)
            return Edit(seq, rest, "forecasts", count) if count else None
        is_said = kind not in notes.KINDS and gone.is_all_time
        return _edit_event(seq, events.decode(kind, at, body), gone) if is_said else None
    except JournalError:
        return Edit(seq, b"", "damaged entries", 1)  # nobody knows what it holds


def _fitting(known: Sequence[tuple[str, str]], span: Span) -> Mask:
    """Which streams are meant, by number."""
    return np.array([span.fits(*name) for name in known], dtype=np.bool_)


def _edit_readings(seq: int, body: bytes, streams: Mask, order: Forgetting) -> Edit | None:
    """Take the readings out of an entry, and put the new verdicts on those that stay."""
    gone = order.gone
    if gone.is_all_time and seq not in order.said:
        rest, count = blocks.without(body, streams)
        return Edit(seq, rest, "readings", count) if count else None
    batch, verdicts = blocks.decode(body)
    is_gone = streams[batch.stream] & (batch.observed_at >= gone.since) & (batch.observed_at < gone.until)
    if seq in order.said:
        places, said = order.said[seq]
        for name, column in verdicts.columns():
            column[places] = getattr(said, name)
    elif not is_gone.any():
        return None
    kept = np.flatnonzero(~is_gone)
    rest = blocks.encode(batch.at(kept), replace(verdicts, is_stale=verdicts.is_stale & False).at(kept))
    return Edit(seq, rest if len(kept) else b"", "readings", int(is_gone.sum()))


def _write(database: sqlite3.Connection, edits: Sequence[Edit]) -> None:
    changed = [(edit.rest, edit.seq) for edit in edits if edit.rest]
    database.executemany("UPDATE log SET body = ? WHERE seq = ?", changed)
    database.executemany("DELETE FROM log WHERE seq = ?", [(edit.seq,) for edit in edits if not edit.rest])


def _edit_event(seq: int, event: Event, gone: Span) -> Edit | None:
    """Take out an event of the device, or the sensor's name from what was said of the device."""
    is_its = _names(event, str(gone.device))
    if is_its and (gone.is_whole or (isinstance(event, Described) and event.sensor == gone.sensor)):
        return Edit(seq, b"", "events", 1)
    if is_its and isinstance(event, Feedback) and gone.sensor in event.sensors:
        others = tuple(sensor for sensor in event.sensors if sensor != gone.sensor)
        return Edit(seq, events.encode(replace(event, sensors=others))[2] or b"", "events", 0)
    return None


def _names(event: Event, device: str) -> bool:
    if isinstance(event, Maintenance):
        return event.devices == escape(device)
    return isinstance(event, (Feedback, Described, Availability, Undone)) and event.device == device


def _forget_incidents(database: sqlite3.Connection, order: Forgetting) -> int:
    """Take out what was told of the device since its log begins; what is told without the readings takes its place."""
    device, since = str(order.gone.device), -(2**63)
    if not order.gone.is_whole:  # what is older than the log cannot be told again
        since = min((told.at for told in order.told), default=2**63 - 1)
        since = min(since, order.gone.since, _begins(database))
    gone = database.execute("DELETE FROM incidents WHERE device = ? AND at >= ?", (device, since)).rowcount
    _forget_in_outages(database, device)
    database.executemany(
        "INSERT OR IGNORE INTO incidents VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(seq), 0) FROM log))",
        [(told.id, told.state, told.at, told.device, encode_incident(told)) for told in order.told if told.device],
    )
    return gone


def _forget_in_outages(database: sqlite3.Connection, device: str) -> None:
    """An outage that the device was part of stays told of the others."""
    for *key, body in database.execute("SELECT id, state, at, body FROM incidents WHERE device = ''").fetchall():
        tree = json.loads(body)
        if device in tree["devices"]:
            tree["devices"].remove(device)
            rest = json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode()
            database.execute("UPDATE incidents SET body = ? WHERE id = ? AND state = ? AND at = ?", (rest, *key))


def _forget_letters(database: sqlite3.Connection, device: str) -> int:
    """Lines are escaped with backslashes where a name needs it, and the name may be in none of its own: rather more."""
    bare = "instr(replace(line, char(92), ''), replace(?, char(92), '')) > 0"
    return database.execute(f"DELETE FROM dead_letters WHERE {bare}", (device,)).rowcount  # noqa: S608 - a constant


def _begins(database: sqlite3.Connection) -> int:
    """When the oldest entry that is still there was received."""
    return int(database.execute("SELECT coalesce(min(at), 0) FROM log").fetchone()[0])
