"""The log read beside whoever writes it."""

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self, TypeAlias

from gateway.codecs.outgoing import decode_incident
from gateway.errors import JournalError
from gateway.journal import blocks, events, finder, names, notes
from gateway.journal.door import WAIT_S, Door, refuse_other
from gateway.journal.schema import SAID
from gateway.records import Batch, Event, Incident, Ints, State, Undone, Verdicts

logger = logging.getLogger(__name__)

ROWS = 500
"""Of the log read at once: while SQLite is being read, its write-ahead log cannot be emptied."""

Entered: TypeAlias = tuple[Batch, Verdicts] | Event
"""An entry as it is written: readings stand there with the verdicts on them, streams by their number in the log."""

Row: TypeAlias = tuple[int, str, int, bytes | None]


class Reader(Door):
    """A connection of its own on a log that a running gateway may be writing.

    `damaged` holds what could not be read and was passed over, by number.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.damaged: dict[int, str] = {}

    def __enter__(self) -> Self:
        if not self.path.exists():
            message = f"{self.path} does not exist: no gateway has run with these settings yet"
            raise JournalError(message)
        with self._threshold():
            where = f"{self.path.absolute().as_uri()}?mode=ro"
            self._database = sqlite3.connect(where, uri=True, timeout=WAIT_S, check_same_thread=False)
            try:
                refuse_other(self.path, self._database)
            except JournalError:
                self.close()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def streams(self) -> list[tuple[str, str]]:
        """Device and sensor of every stream, by number; empty where it was forgotten."""
        with self._threshold():
            return names.listed(self._open)

    def last(self) -> int:
        """The newest sequence number, 0 in an empty log."""
        with self._threshold():
            return int(self._open.execute("SELECT coalesce(max(seq), 0) FROM log").fetchone()[0])

    def entries(self, after: int) -> Iterator[tuple[int, Entered]]:
        """Sequence number and entry of everything after `after`, in order; damage is passed over."""
        query = "SELECT seq, kind, at, body FROM log WHERE seq > ? ORDER BY seq LIMIT ?"
        while rows := self._rows(query, (after, ROWS)):
            yield from self._decoded(rows)
            after = rows[-1][0]

    def entries_of(self, device: str, after: int) -> Iterator[tuple[int, Entered]]:
        """The same, but of readings only such entries as may hold some of the device."""
        with self._threshold():
            found = finder.seqs(self._open, device)
        found = found[found > after]
        for start in range(0, len(found), ROWS):
            yield from self._decoded(self.rows_at(found[start : start + ROWS]))

    def readings_back(self, device: str) -> Iterator[tuple[Batch, Verdicts]]:
        """Entries that may hold readings of the device, from the newest one on backwards."""
        with self._threshold():
            found = finder.seqs(self._open, device)
        for end in range(len(found), 0, -ROWS):
            entries = list(self._decoded(self.rows_at(found[max(0, end - ROWS) : end])))
            yield from (entry for _, entry in reversed(entries) if isinstance(entry, tuple))

    def rows_at(self, seqs: Ints) -> list[Row]:
        """The rows of these numbers, as they are written."""
        marks = ",".join("?" * len(seqs))
        return self._rows(f"SELECT seq, kind, at, body FROM log WHERE seq IN ({marks}) ORDER BY seq", seqs.tolist())  # noqa: S608 - marks

    def undone(self) -> list[tuple[int, Undone]]:
        """What is not to be learned, and of which part of the log: what stands before this number."""
        rows = self._rows(f"SELECT seq, kind, at, body FROM log WHERE kind = 'undone' AND {SAID}", ())  # noqa: S608 - a constant
        return [(seq, entry) for seq, entry in self._decoded(rows) if isinstance(entry, Undone)]

    def incidents(self) -> Iterator[Incident]:
        """Every change of an incident that is kept, in order of time."""
        with self._threshold():
            for at, body in self._open.execute("SELECT at, body FROM incidents ORDER BY at"):
                yield decode_incident(body, at)

    def open_incidents(self) -> list[Incident]:
        """The last word on each incident that people take for open."""
        query = "SELECT id, state, at, body FROM incidents ORDER BY seq, state = 'closed', at"
        last: dict[str, Incident] = {}
        with self._threshold():
            for id_, state, at, body in self._open.execute(query):
                last.pop(id_, None)
                if state != State.CLOSED:
                    last[id_] = decode_incident(body, at)
        return list(last.values())

    def first(self) -> int:
        """The oldest sequence number, 0 in an empty log."""
        with self._threshold():
            return int(self._open.execute("SELECT coalesce(min(seq), 0) FROM log").fetchone()[0])

    def before_newest(self, size: int) -> int:
        """The number of the entry after which about `size` bytes of readings stand, 0 where there are not so many.

        The newest readings are among them, however many they are.
        """
        query = "SELECT seq, length(body) FROM log WHERE kind = 'readings' ORDER BY seq DESC"
        with self._threshold():
            for count, (seq, length) in enumerate(self._open.execute(query)):
                size -= length or 0
                if size <= 0:
                    return int(seq) if count else int(seq) - 1
        return 0

    def words(self, until: int) -> Iterator[Event]:
        """What was said of devices up to this entry that still holds, whatever was read since."""
        kinds = f"{SAID} AND kind <> 'undone'"
        rows = self._rows(f"SELECT seq, kind, at, body FROM log WHERE {kinds} AND seq <= ? ORDER BY seq", (until,))  # noqa: S608 - constants
        yield from (entry for _, entry in self._decoded(rows) if not isinstance(entry, tuple))

    def _rows(self, query: str, values: Sequence[int]) -> list[Row]:
        with self._threshold():
            return self._open.execute(query, values).fetchall()

    def _decoded(self, rows: Sequence[Row]) -> Iterator[tuple[int, Entered]]:
        for seq, kind, at, body in rows:
            try:
                if kind == "readings":
                    yield seq, blocks.decode(body or b"")
                elif kind not in notes.KINDS:
                    yield seq, events.decode(kind, at, body)
            except JournalError as error:
                if seq not in self.damaged:
                    logger.warning("entry %d of the log is passed over: %s", seq, error)
                    self.damaged[seq] = str(error)
