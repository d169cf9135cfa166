"""What stands in the log and changes no state: to bytes and back."""

from collections.abc import Sequence

import numpy as np
import pytest
from readings import START

from gateway.errors import JournalError
from gateway.journal import notes
from gateway.passages import Foreseen, Health, Minutes, Note
from gateway.records import SECOND

FORESEEN = Foreseen(
    np.array([0, 7]),
    np.array([START, START + SECOND]),
    np.array([START + 600 * SECOND, START + 601 * SECOND]),
    *(np.array([number, np.nan]) for number in (20.5, 19.25, 21.75)),
)
MINUTES = Minutes(
    np.array([0, 7]),
    np.array([START, START + 60 * SECOND]),
    np.array([1, 60]),
    *(np.array(pair) for pair in ((20.1, 0.1 + 0.2), (20.1, -1e300), (20.1, 1e300), (20.1, 3.0), (64 / 254, 0.5))),
)


def columns(note: Note) -> Sequence[object]:
    """Return what a note holds, comparable."""
    return [getattr(note, name).tolist() for name in type(note).__slots__]


@pytest.mark.parametrize("note", [FORESEEN, MINUTES], ids=["foreseen", "minutes"])
def test_columns_come_back_exactly(note: Foreseen | Minutes) -> None:
    """Numbers of single precision in forecasts, of double precision in minutes, scores as finely as a byte is."""
    again = notes.decode(*notes.encode(note))
    np.testing.assert_equal(columns(again), columns(note))


@pytest.mark.parametrize("gone", [[], [7], [0, 7]])
def test_a_note_without_some_streams_never_spoke_of_them(gone: list[int]) -> None:
    """Where nothing is left there is no note."""
    body, count = notes.without(notes.encode(FORESEEN)[2], np.isin(np.arange(8), gone))
    rest = np.setdiff1d(FORESEEN.stream, gone)
    assert count == len(gone)
    assert (body == b"") == (len(rest) == 0)
    if body:
        again = notes.decode(notes.FORESEEN, START, body)
        np.testing.assert_equal(columns(again), columns(FORESEEN.at(np.flatnonzero(np.isin(FORESEEN.stream, rest)))))
        assert notes.streams(body).tolist() == rest.tolist()


def test_health_comes_back() -> None:
    """Names and numbers as they were."""
    health = Health(START, {"readings": 12.0, "latency_ms": 0.25})
    assert notes.decode(*notes.encode(health)) == health


def test_minutes_of_a_sensor_that_reports_once_a_minute_take_little_room() -> None:
    """Least, most, mean and last alike are written once: 16 bytes a row with the time."""
    rows = np.arange(1000)
    value = np.random.default_rng(1).normal(20.0, 1.0, 1000)
    minutes = Minutes(rows, START + 0 * rows, 1 + 0 * rows, value, value, value, value, 0.1 * value)
    assert len(notes.encode(minutes)[2]) / 1000 < 16


@pytest.mark.parametrize("kind", [notes.FORESEEN, notes.MINUTES, notes.HEALTH])
@pytest.mark.parametrize("body", [b"", b"\0", b"\1\0\0\0nonsense", notes.encode(FORESEEN)[2][:-9], b"{"])
def test_damage_is_said(kind: str, body: bytes) -> None:
    """Nothing but our own error, whatever the disk did."""
    with pytest.raises(JournalError):
        notes.decode(kind, START, body)
