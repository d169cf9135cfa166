"""Taking back what was written of a device: what `gateway forget` asks of InfluxDB."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Protocol

from gateway.errors import DatabaseError
from gateway.influx.lines import name_in_tag
from gateway.records import SECOND, Span

MINUTE = 60 * SECOND

FIRST, LAST = -(10**18), 2**63 - 10**9
"""All that InfluxDB takes for a time, and that is one: from 1938 to 2262."""


class Target(Protocol):
    """What the eraser asks of the database."""

    def version(self) -> str:
        """Which it is."""
        ...

    def query(self, statement: str, database: str, method: str = "GET") -> Sequence[object]:
        """Run InfluxQL."""
        ...

    def delete(self, bucket: str, start: str, stop: str, predicate: str) -> None:
        """Delete by the version 2 API."""
        ...


class Eraser:
    """Deletes points of one gateway; `horizon` (ns) is how far ahead it forecasts."""

    def __init__(self, target: Target, gateway: str, buckets: Sequence[str], horizon: int) -> None:
        self._target, self._gateway, self._buckets, self._horizon = target, gateway, buckets, horizon

    def forget(self, gone: Span) -> str:
        """Delete what was observed in a span and what it led to.

        Returns a sentence for the receipt. Forecasts made in that time reach beyond it, and are deleted that far; a
        minute at the edge goes whole. Raises `DatabaseError` where the database is away or refuses, and for 3.x,
        which deletes no rows.
        """
        version = self._target.version()
        if version.startswith("3"):
            message = (
                f"InfluxDB {version} deletes no rows: what it holds of {gone.device} stays until its retention "
                "drops it, or until you drop the table"
            )
            raise DatabaseError(message)
        named = {"device": gone.device, "gateway": self._gateway, "sensor": gone.sensor}
        tags = {name: value for name, value in named.items() if value is not None}
        for measurement, first, last in self._reach(max(gone.since, FIRST), min(gone.until, LAST)):
            for bucket in self._buckets:
                if version.startswith("1"):
                    self._delete_by_query(bucket, measurement, tags, first, last)
                else:
                    words = {"_measurement": measurement} | tags
                    predicate = " AND ".join(f"{name}={_quoted(value, chr(34))}" for name, value in words.items())
                    self._target.delete(bucket, _rfc3339(first), _rfc3339(last - 1), predicate)
        return f"deleted from {', '.join(self._buckets)} of InfluxDB {version}"

    def _reach(self, start: int, end: int) -> Iterator[tuple[str, int, int]]:
        """The time of each measurement that what was observed in [start, end) stands in."""
        yield "readings", start, end
        yield "incidents", start, end
        yield "forecasts", start, min(end + self._horizon, LAST)
        yield "minutes", start - start % MINUTE, end

    def _delete_by_query(self, database: str, measurement: str, tags: dict[str, str], first: int, last: int) -> None:
        """InfluxQL's DELETE; of a measurement that was never written it is no error."""
        where = " AND ".join(f'"{name}" = {_quoted(value, chr(39))}' for name, value in tags.items())
        times = f"time >= {first} AND time < {last}"
        statement = f'DELETE FROM "{measurement}" WHERE {where} AND {times}'  # noqa: S608 - names are quoted
        self._target.query(statement, database, "POST")


def _quoted(name: str, quote: str) -> str:
    """A name as a string of InfluxQL or of a predicate; as it stands in the tag, or nothing would be found."""
    return quote + name_in_tag(name).replace("\\", "\\\\").replace(quote, "\\" + quote) + quote


def _rfc3339(at: int) -> str:
    moment = datetime.fromtimestamp(at // SECOND, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % SECOND:09d}Z"
