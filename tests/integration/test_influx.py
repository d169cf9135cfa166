"""The way from the log to a real InfluxDB and back by InfluxQL."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from brokers import Mosquitto, wait_until
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from influxdb import InfluxDB
from paho.mqtt import publish
from readings import START, batch, settings, verdicts

from gateway.app import Application
from gateway.influx import Door, Lines
from gateway.influx.answers import Meaning
from gateway.influx.lines import FULLWIDTH_BACKSLASH
from gateway.learning.directory import Directory
from gateway.passages import Passage
from gateway.records import SECOND

NAMES = st.text(st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(" ,=\\\"'#\\"), min_size=1, max_size=20)
"""What intake lets in: whatever is printable."""


@pytest.fixture
def opened(influxdb: InfluxDB) -> Iterator[Door]:
    """Give a door to a real server."""
    opened = Door(influxdb.url, None, "")
    yield opened
    opened.close()


def test_any_name_reads_back_as_it_was(influxdb: InfluxDB, opened: Door) -> None:
    """But for a backslash at the end, which the protocol cannot say: it comes back as a fullwidth one."""
    draws = iter(range(10_000))

    @hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(NAMES, NAMES)
    @example("a\\,b=c d", "\\")
    @example("\\\\", ' readings,device=x value=1" ')
    @example("#comment", "=,= ,")
    def check(device: str, sensor: str) -> None:
        at = START + next(draws) * SECOND
        given = batch(Directory(), [(device, sensor, at, 1.5)])
        lines = Lines("home").encode(Passage(1, at, ((device, sensor),), [(given, verdicts(1))], [], []))
        assert opened.write("raw", lines).meaning is Meaning.WRITTEN
        (row,) = influxdb.rows(f"SELECT value FROM readings WHERE time = {at} GROUP BY *", "raw")
        assert (row["device"], row["sensor"], row["value"]) == (expected(device), expected(sensor), 1.5)

    check()


def expected(name: str) -> str:
    """Return the name as it should come back."""
    return name[:-1] + FULLWIDTH_BACKSLASH if name.endswith("\\") else name


def test_values_read_back_exactly(influxdb: InfluxDB, opened: Door) -> None:
    """Doubles in every notation that Python writes them in."""
    values = [0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, 1e16, 123456789.123456789, -1e-7]
    directory = Directory()
    given = batch(directory, [("d", "s", START + number, value) for number, value in enumerate(values)])
    lines = Lines("home").encode(Passage(1, START, directory.streams, [(given, verdicts(len(values)))], [], []))
    assert opened.write("raw", lines).meaning is Meaning.WRITTEN
    assert [row["value"] for row in influxdb.rows("SELECT value FROM readings", "raw")] == values


def test_everything_the_gateway_knows_arrives(influxdb: InfluxDB, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Readings with their bands, an incident, forecasts and the gateway's health, from MQTT to InfluxQL."""
    chosen = settings(
        mqtt={"host": "127.0.0.1", "port": mosquitto.port},
        journal={"path": str(tmp_path / "gateway.db"), "commit_delay_s": 0.05},
        influx={"url": influxdb.url, "bucket": "raw", "linger_s": 0.05},
    )
    began = time.time_ns() - 400 * 60 * SECOND
    last_due = began + (397 * 60 + 600) * SECOND  # a forecast is kept every 150 s, so of every third reading

    def horizons() -> dict[str, dict[str, Any]]:
        return {row["horizon"]: row for row in influxdb.rows("SELECT * FROM forecasts", "raw")}

    with running(chosen) as application:
        readings = [
            {"level": 500.0 if number == 380 else 20.0 + number % 7, "time": began + number * 60 * SECOND}
            for number in range(400)
        ]
        publish.single("devices/tank one/readings", json.dumps(readings), 1, hostname="127.0.0.1", port=mosquitto.port)
        wait_until(lambda: application.pipeline.counts["readings"] == 400, "all is learned", 30)
        sender = application.sender
        assert sender
        wait_until(lambda: sender.counts.sent == 400, "all is sent", 30)
        wait_until(lambda: horizons().get("600s", {"time": 0})["time"] >= last_due, "forecasts, too", 30)
    found = list(influxdb.rows("SELECT * FROM readings", "raw"))
    assert [row["value"] for row in found] == [reading["level"] for reading in readings]
    assert {(row["device"], row["sensor"], row["gateway"]) for row in found} == {("tank one", "level", "gateway")}
    assert found[0]["expected"] is None
    assert found[379]["lower"] < found[379]["expected"] < found[379]["upper"]
    (opened, *_) = influxdb.rows("SELECT * FROM incidents WHERE state = 'open'", "raw")
    assert (opened["value"], opened["time"]) == (500.0, began + 380 * 60 * SECOND)
    assert opened["kind"] in {"spike", "range"}
    assert "level 500" in opened["reason"]
    assert set(horizons()) == {"600s", "3600s"}
    assert list(influxdb.rows("SELECT memory_bytes, readings, latency_ms FROM gateway", "raw"))


class running:  # noqa: N801 - used as a verb
    """The gateway, from when it is connected until it has ended in order."""

    def __init__(self, chosen: object) -> None:
        self.application = Application(chosen)  # type: ignore[arg-type]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.application.run, args=(self._stop,))

    def __enter__(self) -> Application:
        self._thread.start()
        wait_until(lambda: self.application.connection.is_online, "it is connected", 30)
        return self.application

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
