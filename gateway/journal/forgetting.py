"""Taking a device's readings out of the log and everything beside it, so that no byte of them stays in the file."""

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from glob import escape

import numpy as np

from gateway.codecs.outgoing import encode_incident
from gateway.errors import JournalError
from gateway.journal import blocks, events, finder, minutes, names, notes
from gateway.journal.columns import Mask
from gateway.records import Availability, Described, Feedback, Incident, Ints, Maintenance, Span, Undone, Verdicts

ROWS = 200
"""Of the log taken up at once."""


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


def forget(database: sqlite3.Connection, order: Forgetting) -> None:
    """Within a transaction: take it out of every table but the checkpoints."""
    gone, device, removed = order.gone, str(order.gone.device), order.removed
    known = names.listed(database)
    of_device, streams = _fitting(known, Span(device)), _fitting(known, gone)
    found = finder.seqs(database, device)
    for start in range(0, len(found), ROWS):
        for seq, kind, at, body in _rows(database, found[start : start + ROWS]):
            try:
                if kind == "readings":
                    removed["readings"] += _edit_readings(database, seq, body, streams, order)
                elif kind == notes.FORESEEN:  # all that was foreseen of the device: it may come from what is forgotten
                    removed["forecasts"] += _take_out(database, seq, *notes.without(body, of_device))
                elif gone.is_whole and kind not in notes.KINDS and _names(events.decode(kind, at, body), device):
                    removed["events"] += _put(database, seq, b"")
            except JournalError:
                removed["damaged entries"] += _put(database, seq, b"")  # nobody knows what it holds
    removed["incidents"] = _forget_incidents(database, order)
    removed["minutes"] = minutes.forget(database, streams, gone)
    removed["dead letters"] = _forget_letters(database, device)
    removed["damaged entries"] += database.execute("DELETE FROM quarantine").rowcount
    if gone.is_all_time:
        finder.rename(database, device, streams)
        removed["streams"] = names.forget(database, np.flatnonzero(streams).tolist())


def _fitting(known: Sequence[tuple[str, str]], span: Span) -> Mask:
    """Which streams are meant, by number."""
    return np.array([span.fits(*name) for name in known], dtype=np.bool_)


def _rows(database: sqlite3.Connection, seqs: Ints) -> list[tuple[int, str, int, bytes]]:
    query = f"SELECT seq, kind, at, body FROM log WHERE seq IN ({','.join('?' * len(seqs))})"  # noqa: S608 - marks
    return database.execute(query, seqs.tolist()).fetchall()


def _edit_readings(database: sqlite3.Connection, seq: int, body: bytes, streams: Mask, order: Forgetting) -> int:
    """Take the readings out of an entry, and put the new verdicts on those that stay; how many went."""
    gone = order.gone
    if gone.is_all_time and seq not in order.said:
        return _take_out(database, seq, *blocks.without(body, streams))
    batch, verdicts = blocks.decode(body)
    is_gone = streams[batch.stream] & (batch.observed_at >= gone.since) & (batch.observed_at < gone.until)
    if seq in order.said:
        places, said = order.said[seq]
        for name, column in verdicts.columns():
            column[places] = getattr(said, name)
    elif not is_gone.any():
        return 0
    kept = np.flatnonzero(~is_gone)
    rest = blocks.encode(batch.at(kept), replace(verdicts, is_stale=verdicts.is_stale & False).at(kept))
    _put(database, seq, rest if len(kept) else b"")
    return int(is_gone.sum())


def _take_out(database: sqlite3.Connection, seq: int, rest: bytes, gone: int) -> int:
    """Let the rest take the place of an entry out of which some rows are gone; how many."""
    if gone:
        _put(database, seq, rest)
    return gone


def _put(database: sqlite3.Connection, seq: int, rest: bytes) -> int:
    """Let this take the place of an entry's body; where it is nothing the entry goes."""
    if rest:
        return database.execute("UPDATE log SET body = ? WHERE seq = ?", (rest, seq)).rowcount
    return database.execute("DELETE FROM log WHERE seq = ?", (seq,)).rowcount


def _names(event: object, device: str) -> bool:
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
