"""What was written of a device is taken back: from a real server, and by the words that newer ones want."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from influxdb import InfluxDB
from readings import START, batch, verdicts

from gateway.errors import DatabaseError
from gateway.influx import Door, Eraser, Lines
from gateway.influx.eraser import MINUTE
from gateway.learning.directory import Directory
from gateway.passages import Foreseen, Minutes, Note, Passage
from gateway.records import SECOND, Incident, Kind, Span, State

DEVICES = ('it\'s "odd", 1', "pump", "ends\\")
HORIZON = 600 * SECOND
BEGIN = START - START % MINUTE


@pytest.fixture
def opened(influxdb: InfluxDB) -> Iterator[Door]:
    """Give a door to a real server that holds ten minutes of three devices with two sensors each."""
    opened = Door(influxdb.url, None, "")
    directory, lines = Directory(), Lines("home")
    times = [BEGIN + number * MINUTE for number in range(10)]
    rows = [(device, sensor, at, 1.0) for at in times for device in DEVICES for sensor in ("a", "b")]
    given = batch(directory, rows)
    incidents = [
        Incident("i", State.OPEN, device, "a", Kind.SPIKE, "high", 0.6, times[3], times[3], 1.0, 1.0, 1.0, 1.0, "odd")
        for device in DEVICES
    ]
    stream, ones = np.arange(6), np.ones(6)
    notes: list[Note] = [
        *(Foreseen(stream, 0 * stream + at, 0 * stream + at + HORIZON, ones, ones, ones) for at in times),
        *(Minutes(stream, 0 * stream + at, stream, ones, ones, ones, ones, ones) for at in times),
    ]
    passage = Passage(1, START, directory.streams, [(given, verdicts(len(given)))], incidents, notes)
    assert not opened.write("raw", lines.encode(passage)).words
    assert not opened.write("minutes", lines.encode_minutes(passage)).words
    yield opened
    opened.close()


def count(server: InfluxDB, device: str | None = None) -> dict[str, int]:
    """Return how many points each measurement holds, of a device."""
    fields = {"readings": "value", "incidents": "score", "forecasts": "expected", "minutes": "mean"}
    found = {}
    for name, field in fields.items():
        rows = server.rows(f"SELECT {field} FROM {name} GROUP BY *", "minutes" if name == "minutes" else "raw")
        found[name] = sum(device is None or row["device"] == device for row in rows)
    return found


WHOLE = {"readings": 20, "incidents": 1, "forecasts": 20, "minutes": 20}


@pytest.mark.parametrize(("device", "held"), [(DEVICES[0], DEVICES[0]), ("pump", "pump"), ("ends\\", "ends\uff3c")])
def test_a_device_is_forgotten_and_no_other(influxdb: InfluxDB, opened: Door, device: str, held: str) -> None:
    """From every measurement and bucket, whatever is in its name."""
    said = Eraser(opened, "home", ("raw", "minutes"), HORIZON).forget(Span(device))
    assert said == "deleted from raw, minutes of InfluxDB 1.6.7~rc0"
    assert count(influxdb, held) == dict.fromkeys(WHOLE, 0)
    assert count(influxdb) == {name: 2 * number for name, number in WHOLE.items()}


def test_a_sensor_is_forgotten_and_no_other(influxdb: InfluxDB, opened: Door) -> None:
    """What concerns the device's other sensors stays."""
    Eraser(opened, "home", ("raw", "minutes"), HORIZON).forget(Span("pump", "a"))
    assert count(influxdb, "pump") == {"readings": 10, "incidents": 0, "forecasts": 10, "minutes": 10}


def test_a_time_is_forgotten_with_what_was_foretold_in_it(influxdb: InfluxDB, opened: Door) -> None:
    """Readings exactly, the minute at the edge whole, forecasts as far as they reach."""
    start, end = BEGIN + 5 * MINUTE + SECOND, BEGIN + 8 * MINUTE
    Eraser(opened, "home", ("raw", "minutes"), HORIZON).forget(Span("pump", None, start, end))
    assert count(influxdb, "pump") == {"readings": 16, "incidents": 1, "forecasts": 4, "minutes": 14}


def test_another_gateways_device_of_that_name_stays(influxdb: InfluxDB, opened: Door) -> None:
    """Two gateways may share a database."""
    Eraser(opened, "cabin", ("raw", "minutes"), HORIZON).forget(Span("pump"))
    assert count(influxdb, "pump") == WHOLE


class Newer:
    """A server of another version, which notes what is asked of it."""

    def __init__(self, version: str) -> None:
        self._version = version
        self.deleted: list[tuple[str, str, str, str]] = []

    def version(self) -> str:
        """Return which it is."""
        return self._version

    def query(self, statement: str, database: str, method: str = "GET") -> Sequence[object]:
        """Refuse: newer ones delete in another way."""
        raise AssertionError(statement)

    def delete(self, bucket: str, start: str, stop: str, predicate: str) -> None:
        """Note it."""
        self.deleted.append((bucket, start, stop, predicate))


def test_version_2_is_asked_by_its_own_interface() -> None:
    """Time in RFC 3339, names as strings of a predicate; the last nanosecond is part of what it deletes."""
    newer = Newer("2.7.11")
    Eraser(newer, "home", ("raw",), HORIZON).forget(Span('a "b" \\c', "s", START, START + 60 * SECOND))
    assert newer.deleted[0] == (
        "raw",
        "2023-11-14T22:13:20.000000000Z",
        "2023-11-14T22:14:19.999999999Z",
        r'_measurement="readings" AND device="a \"b\" \\c" AND gateway="home" AND sensor="s"',
    )
    assert len(newer.deleted) == 4


def test_version_3_cannot_and_says_so() -> None:
    """Nobody must believe that it is gone."""
    with pytest.raises(DatabaseError, match=r"InfluxDB 3\.2\.0 deletes no rows"):
        Eraser(Newer("3.2.0"), "home", ("raw",), HORIZON).forget(Span("pump"))
