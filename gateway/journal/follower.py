"""A cursor on the log for a thread of its own: it reads beside the loop, and never makes it wait."""

import logging
import sqlite3
from collections.abc import Collection
from pathlib import Path

from gateway.codecs.outgoing import decode_incident
from gateway.errors import JournalError
from gateway.journal import blocks, minutes, notes
from gateway.journal.door import WAIT_S, Door
from gateway.passages import DeadLetter, Foreseen, Note, Passage
from gateway.records import Batch, Verdicts

logger = logging.getLogger(__name__)

ROWS = 500
"""Of the log read at once: while SQLite is being read, its write-ahead log cannot be emptied."""

DEAD_LETTERS = 10_000
"""The newest are kept."""


class Follower(Door):
    """One named cursor on a log that `Journal` opened before; used by one thread."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(path)
        self.name = name
        self._streams: list[tuple[str, str]] = []

    def open(self) -> int:
        """Open the log; returns the number of the last entry that the cursor has passed."""
        with self._threshold():
            self._database = sqlite3.connect(self.path, isolation_level=None, timeout=WAIT_S, check_same_thread=False)
            database = self._database
            # A cursor that a power cut sets back tells again what was told: that is not worth an fsync. Emptying the
            # write-ahead log is the other connection's business.
            database.execute("PRAGMA synchronous=NORMAL")
            database.execute("PRAGMA wal_autocheckpoint=0")
            found = database.execute("SELECT seq FROM cursors WHERE name = ?", (self.name,)).fetchone()
        return int(found[0]) if found else 0

    def take(self, after: int, most: int) -> Passage | None:
        """What follows entry `after`, up to about `most` readings and at least one entry; None where nothing does."""
        readings: list[tuple[Batch, Verdicts]] = []
        found: list[Note] = []
        seq, since, count = after, 0, 0
        with self._threshold():
            while count < most and (rows := _rows(self._open, seq)):
                for seq, kind, at, body in rows:  # noqa: B007 - where we stopped is part of the answer
                    since = since or at
                    count += _sort(kind, at, body, readings, found)
                    if count >= most:
                        break
            if seq == after:
                return None
            found.extend(minutes.passed(self._open, after, seq))
            incidents = [
                decode_incident(body, at)
                for at, body in self._open.execute(
                    "SELECT at, body FROM incidents WHERE seq > ? AND seq <= ? ORDER BY seq, at", (after, seq)
                )
            ]
            self._know(max((int(batch.stream.max(initial=-1)) for batch, _ in readings), default=-1))
        return Passage(seq, since, self._streams, readings, incidents, found)

    def _know(self, row: int) -> None:
        """Learn the names of streams up to this one."""
        if row >= len(self._streams):
            query = "SELECT device, sensor FROM streams WHERE row >= ? ORDER BY row"
            self._streams.extend(self._open.execute(query, (len(self._streams),)))

    def foreseen(self, until: int, within: int) -> list[Foreseen]:
        """The forecasts passed before: those up to entry `until` that were made in the last `within` ns of it."""
        query = "SELECT kind, at, body FROM log WHERE seq <= ? AND kind = ? ORDER BY seq DESC"
        found: list[Foreseen] = []
        with self._threshold():
            for kind, at, body in self._open.execute(query, (until, notes.FORESEEN)):
                if found and at < found[0].made_at[0] - within:
                    break
                note = notes.decode(kind, at, body)
                assert isinstance(note, Foreseen)  # noqa: S101 - asked for
                found.append(note)
        return found[::-1]

    def unsent(self, after: int) -> int:
        """How many readings stand in the log after this entry."""
        query = "SELECT substr(body, 1, ?) FROM log WHERE seq > ? AND kind = 'readings'"
        with self._threshold():
            return sum(blocks.count(head) for (head,) in self._open.execute(query, (blocks.HEADER.size, after)))

    def move(self, seq: int, dead: Collection[DeadLetter] = ()) -> None:
        """Set the cursor, and keep what could not be delivered with the words that refused it."""
        with self._transaction() as database:
            database.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?)", (self.name, seq))
            if dead:
                database.executemany("INSERT OR REPLACE INTO dead_letters VALUES (?, ?, ?)", dead)
                newest = "SELECT line FROM dead_letters ORDER BY at DESC LIMIT ?"
                database.execute(f"DELETE FROM dead_letters WHERE line NOT IN ({newest})", (DEAD_LETTERS,))  # noqa: S608 - a constant


def _rows(database: sqlite3.Connection, after: int) -> list[tuple[int, str, int, bytes]]:
    query = "SELECT seq, kind, at, body FROM log WHERE seq > ? ORDER BY seq LIMIT ?"
    return database.execute(query, (after, ROWS)).fetchall()


def _sort(kind: str, at: int, body: bytes, readings: list[tuple[Batch, Verdicts]], found: list[Note]) -> int:
    """Put an entry where it belongs; returns how many rows it holds. Damage is passed over: the cursor must go on."""
    try:
        if kind == "readings":
            readings.append(blocks.decode(body))
            return len(readings[-1][0])
        if kind in notes.KINDS:
            found.append(notes.decode(kind, at, body))
            return len(found[-1]) if isinstance(found[-1], Foreseen) else 1
    except JournalError as error:
        logger.warning("passed over: %s", error)
    return 0
