"""The database is killed and restarted at random; what it holds at the end is what the log holds."""

import random
import threading
from collections.abc import Callable

import pytest
from brokers import wait_until
from influxdb import InfluxDB
from readings import START, batch, verdicts

from gateway.influx import Door, Lines, Options, Sender, sender
from gateway.journal import Follower, Journal
from gateway.learning.directory import Directory
from gateway.records import SECOND

STREAMS = 50
IN_ONE = 500
"""Readings of a commit."""


def chaos(database: InfluxDB, is_over: threading.Event, kills: list[int]) -> None:
    """Kill and restart until it is over; leave it running."""
    dice = random.Random(5)
    while not is_over.wait(dice.uniform(0.05, 1.0)):
        database.kill()
        kills.append(1)
        is_over.wait(dice.uniform(0.0, 0.3))
        database.start()


def more_than(count: int, kills: list[int]) -> Callable[[], bool]:
    """Whether it was killed more often than that."""
    return lambda: len(kills) > count


@pytest.mark.parametrize("count", [20_000, pytest.param(300_000, marks=pytest.mark.soak)])
def test_every_reading_arrives_once_and_in_order(
    influxdb: InfluxDB, journal: Journal, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """However often the database dies, and the sender is restarted with it."""
    monkeypatch.setattr(sender, "SHORTEST_S", 0.02)
    monkeypatch.setattr(sender, "LONGEST_S", 0.1)
    directory, is_over, kills = Directory(), threading.Event(), list[int]()
    names = [(f"pump {number % 10}", f"sensor,{number // 10}") for number in range(STREAMS)]
    killing = threading.Thread(target=chaos, args=(influxdb, is_over, kills))
    killing.start()
    running = started(journal, influxdb)
    try:
        for first in range(0, count, IN_ONE):
            rows = [
                (*names[number % STREAMS], START + number * SECOND, float(number))
                for number in range(first, first + IN_ONE)
            ]
            journal.append(directory, [(batch(directory, rows), verdicts(IN_ONE))], [])
            running.wake(IN_ONE)
            if first % (count // 4) == 0:
                wait_until(more_than(len(kills), kills), "the database is killed again")
                running.stop()
                running = started(journal, influxdb)
        wait_until(lambda: running.unsent == 0, "all is sent", 300)
    finally:
        is_over.set()
        killing.join()
        running.stop()
    assert len(kills) >= 4
    assert running.failure is None
    found = influxdb.query("SELECT value FROM readings GROUP BY device, sensor", "raw")
    values = {(series["tags"]["device"], series["tags"]["sensor"]): series["values"] for series in found}
    for place, name in enumerate(names):
        assert values[name] == [[START + number * SECOND, number] for number in range(place, count, STREAMS)]


def started(journal: Journal, database: InfluxDB) -> Sender:
    """Return a running sender on this log, as a new process would have one."""
    running = Sender(
        Follower(journal.path, "influx"),
        Door(database.url, None, ""),
        Lines("home"),
        Options("raw", "minutes", 2000, 0.01, 3600 * SECOND),
    )
    running.start()
    return running
