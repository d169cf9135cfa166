"""The table of minutes, and taking some out of it."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest
from readings import START

from gateway.journal import minutes, notes
from gateway.journal.rollup import MINUTE
from gateway.journal.schema import SCHEMA
from gateway.passages import Minutes
from gateway.records import SECOND, Span

BEGIN = START - START % MINUTE


@pytest.mark.parametrize(
    ("span", "left"),
    [
        (Span("a", None, BEGIN + 90 * SECOND, BEGIN + 181 * SECOND), [(0, 0), (0, 4), (1, 0)]),
        (Span("a"), [(1, 0)]),
    ],
    ids=["a time", "all time"],
)
def test_minutes_that_forgotten_readings_went_into_go_whole(span: Span, left: list[tuple[int, int]]) -> None:
    """At the edge of the time, too: what they say of the readings that stay can no longer be told apart."""
    stream, minute = np.array([0, 0, 0, 0, 0, 1]), BEGIN + MINUTE * np.array([0, 1, 2, 3, 4, 0])
    value = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    _, since, body = notes.encode(Minutes(stream, minute, 1 + 0 * stream, value, value, value, value, 0.0 * value))
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(SCHEMA)
        database.execute("INSERT INTO minutes VALUES (0, ?, ?, ?)", (since, BEGIN + 5 * MINUTE, body))
        assert minutes.forget(database, np.array([True, False]), span) == len(stream) - len(left)
        (found,) = minutes.between(database, np.array([0]), BEGIN, BEGIN + MINUTE)
    places = (found.minute - BEGIN) // MINUTE
    assert list(zip(found.stream.tolist(), places.tolist(), strict=True)) == left
