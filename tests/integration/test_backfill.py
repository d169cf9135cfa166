"""Learning from a history that a real InfluxDB holds."""

import time
from pathlib import Path
from typing import Any

import pytest
from influxdb import InfluxDB
from readings import settings

from gateway import backfill
from gateway.cli import main
from gateway.config import Settings
from gateway.errors import ConfigError, DatabaseError
from gateway.influx import Door
from gateway.journal import Reader
from gateway.records import SECOND, code_of

HOUR = 3600 * SECOND
NOW = time.time_ns() // HOUR * HOUR
HOURS = 30


def fill(server: InfluxDB) -> int:
    """Write two measurements of a user's own, as Telegraf and Home Assistant would; return how many values."""
    lines = []
    for minute in range(HOURS * 60):
        at = NOW - HOURS * HOUR + minute * 60 * SECOND
        swing = minute % 60 / 10
        lines.append(f'climate,host=attic,city=x temperature={20 + swing},humidity={40 + swing},note="dry" {at}')
        lines.append(f"°C,entity_id=boiler\\ room,domain=sensor value={60 + swing} {at + SECOND}")
    door = Door(server.url, None, "")
    for first in range(0, len(lines), 5000):
        assert not door.write("raw", lines[first : first + 5000]).words
    door.close()
    return 4 * HOURS * 60


def chosen(server: InfluxDB, folder: Path, **changed: object) -> Settings:
    """Return settings that map that history."""
    series: list[dict[str, Any]] = [
        {"measurement": "climate", "device_tag": "host", "fields": ["temperature", "humidity", "note", "nothing"]},
        {"measurement": "°C", "device_tag": "domain", "sensor_tag": "entity_id", "fields": ["value"]},
    ]
    tree: dict[str, object] = {"url": server.url, "database": "raw", "series": series, **changed}
    return settings(backfill=tree, journal={"path": str(folder / "gateway.db")})


def learned(path: Path) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """Return time and value of every reading in the log, by stream."""
    with Reader(path) as log:
        streams = log.streams()
        found: dict[tuple[str, str], list[tuple[int, float]]] = {stream: [] for stream in streams}
        for _, entry in log.entries(0):
            if isinstance(entry, tuple):
                batch = entry[0]
                for row, at, value in zip(batch.stream, batch.observed_at, batch.value, strict=True):
                    found[streams[row]].append((int(at), float(value)))
        return found


def test_a_history_is_learned_in_the_order_of_time(influxdb: InfluxDB, tmp_path: Path) -> None:
    """Every number and every text once; fields that are not there are passed over; the log has it all."""
    count, said = fill(influxdb), list[str]()
    backfill.run(chosen(influxdb, tmp_path), NOW - 50 * HOUR, NOW, said.append)
    assert said == [f"{count} of {count} readings learned; 4 sensors are known\n"]
    found = learned(tmp_path / "gateway.db")
    assert set(found) == {*(("attic", name) for name in ("temperature", "humidity", "note")), ("sensor", "boiler room")}
    assert {value for _, value in found["attic", "note"]} == {code_of("dry")}
    times = [NOW - HOURS * HOUR + minute * 60 * SECOND for minute in range(HOURS * 60)]
    assert found["attic", "humidity"] == [(at, 40 + number % 60 / 10) for number, at in enumerate(times)]


def test_it_goes_on_where_it_was_interrupted(
    influxdb: InfluxDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run reads only what the first did not, and the log is what one run would have written."""
    count, asked = fill(influxdb), list[str]()
    query = Door.query

    def fail_late(door: Door, statement: str, database: str, method: str = "GET") -> list[dict[str, Any]]:
        asked.append(statement)
        if len(asked) == 2 * 20:
            message = "503 going down"
            raise DatabaseError(message)
        return query(door, statement, database, method)

    monkeypatch.setattr(Door, "query", fail_late)
    with pytest.raises(DatabaseError, match="going down"):
        backfill.run(chosen(influxdb, tmp_path), NOW - HOURS * HOUR, NOW, lambda _: None)
    first, said = len(asked), list[str]()
    backfill.run(chosen(influxdb, tmp_path), NOW - HOURS * HOUR, NOW, said.append)
    assert len(asked) - first == 2 * (HOURS - 19)
    assert sum(len(readings) for readings in learned(tmp_path / "gateway.db").values()) == count


def test_what_is_known_already_is_not_learned_again(influxdb: InfluxDB, tmp_path: Path) -> None:
    """Another mapping reads from the beginning; a reading that is not newer than what is known is passed over."""
    count, said = fill(influxdb), list[str]()
    backfill.run(chosen(influxdb, tmp_path), NOW - HOURS * HOUR, NOW, said.append)
    backfill.run(chosen(influxdb, tmp_path, window_s=7200.0), NOW - HOURS * HOUR, NOW, said.append)
    assert said[1] == f"0 of {count} readings learned; 4 sensors are known; passed over: {count} stale\n"


def test_a_database_that_refuses_says_why(influxdb: InfluxDB, tmp_path: Path) -> None:
    """In its own words, and nothing is learned."""
    with pytest.raises(DatabaseError, match="database not found: none"):
        backfill.run(chosen(influxdb, tmp_path, database="none"), NOW - HOUR, NOW, lambda _: None)


def test_without_settings_it_says_where_they_belong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and exit code 2."""
    with pytest.raises(ConfigError, match="backfill"):
        backfill.run(settings(), 0, NOW, lambda _: None)
    assert main(["backfill", "--from", "-90d"]) == 2
    assert "backfill: is missing" in capsys.readouterr().err


def test_windows_cover_the_time_without_gap_or_overlap() -> None:
    """The first and the last may be shorter: the others begin at whole hours."""
    assert backfill.windows(HOUR // 2, 3 * HOUR + 1, HOUR) == [
        (HOUR // 2, HOUR), (HOUR, 2 * HOUR), (2 * HOUR, 3 * HOUR), (3 * HOUR, 3 * HOUR + 1)
    ]  # fmt: skip
    assert backfill.windows(HOUR, HOUR, HOUR) == []
    assert backfill.windows(2 * HOUR, HOUR, HOUR) == []
