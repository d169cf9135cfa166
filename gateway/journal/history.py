"""What the log tells people of one device: readings and what was expected of them, incidents, forecasts, minutes."""

from collections.abc import Iterator

import numpy as np

from gateway.codecs.outgoing import decode_incident
from gateway.journal import minutes, notes
from gateway.journal.reader import ROWS, Reader
from gateway.passages import Foreseen, Minutes
from gateway.records import SECOND, Batch, Incident, Ints, Verdicts

SPAN = 86400 * SECOND
"""The most time that one entry, which stands under the time of its first reading, spans: a window of a backfill."""


class History(Reader):
    """A log read for people, beside a gateway that may be writing it."""

    def sensors(self, device: str) -> dict[int, str]:
        """The device's sensors by the number of their stream, empty for one that was never heard."""
        return {number: sensor for number, (name, sensor) in enumerate(self.streams()) if name == device}

    def readings(self, device: str, start: int, end: int) -> Iterator[tuple[Batch, Verdicts]]:
        """What the device sent that was observed in [start, end) ns, and the verdicts on it, in order of arrival."""
        streams = np.array(list(self.sensors(device)), dtype=np.int64)
        for _, entry in self.entries_of(device, self._first(start - SPAN) - 1):
            if isinstance(entry, tuple):
                batch, verdicts = entry
                is_asked = np.isin(batch.stream, streams) & (batch.observed_at >= start) & (batch.observed_at < end)
                if is_asked.any():
                    places = np.flatnonzero(is_asked)
                    yield batch.at(places), verdicts.at(places)

    def forecasts(self, streams: Ints, start: int, end: int) -> Iterator[Foreseen]:
        """What was foreseen of these streams for a time in [start, end) ns."""
        query = f"SELECT seq, kind, at, body FROM log WHERE seq >= ? AND kind = '{notes.FORESEEN}' ORDER BY seq LIMIT ?"  # noqa: S608 - a constant
        seq = self._first(start - SPAN)
        while rows := self._rows(query, (seq, ROWS)):
            for seq, kind, at, body in rows:  # noqa: B007 - we go on behind the last
                found = notes.decode(kind, at, body or b"")
                assert isinstance(found, Foreseen)  # noqa: S101 - asked for
                is_asked = np.isin(found.stream, streams) & (found.due_at >= start) & (found.due_at < end)
                if is_asked.any():
                    yield found.at(np.flatnonzero(is_asked))
            seq += 1

    def incidents_of(self, device: str, start: int, end: int) -> list[Incident]:
        """Every change of an incident of the device in [start, end) ns, in order."""
        query = "SELECT at, body FROM incidents WHERE device = ? AND at >= ? AND at < ? ORDER BY at, seq"
        with self._threshold():
            found = self._open.execute(query, (device, start, end)).fetchall()
        return [decode_incident(body, at) for at, body in found]

    def minutes(self, streams: Ints, start: int, end: int) -> Iterator[Minutes]:
        """The minutes of these streams that began in [start, end) ns; of two rows for one the later counts."""
        with self._threshold():
            for found in minutes.between(self._open, streams, start, end):
                is_asked = np.isin(found.stream, streams) & (found.minute >= start) & (found.minute < end)
                if is_asked.any():
                    yield found.at(np.flatnonzero(is_asked))

    def _first(self, at: int) -> int:
        """The first entry received `at` or later, found by halving, as times rise with the numbers."""
        query = "SELECT seq, at FROM log WHERE seq >= ? ORDER BY seq LIMIT 1"
        with self._threshold():
            low, high = self._open.execute("SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) FROM log").fetchone()
            while low < high:
                middle = (low + high) // 2
                seq, received_at = self._open.execute(query, (middle,)).fetchone()
                low, high = (seq + 1, high) if received_at < at else (low, middle)
        return int(low)
