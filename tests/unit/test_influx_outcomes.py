"""Forecasts against what came."""

from collections.abc import Sequence

import numpy as np
import pytest
from readings import START

from gateway.influx import outcomes
from gateway.influx.outcomes import Outcomes
from gateway.passages import Foreseen
from gateway.records import SECOND, Batch


def foreseen(*rows: tuple[int, int, int]) -> Foreseen:
    """Return forecasts: stream, made and due in seconds from the start; each expects its due time."""
    stream, made, due = (np.array(column) for column in zip(*rows, strict=True))
    value = due.astype(np.float64)
    return Foreseen(stream, START + made * SECOND, START + due * SECOND, value, value - 1, value + 1)


def learn(known: Outcomes, *readings: tuple[int, float, float]) -> Sequence[tuple[int, float, float]]:
    """Give readings: stream, seconds from the start, value; return stream, what was expected, what came."""
    stream, at, value = (np.array(column) for column in zip(*readings, strict=True))
    times = START + (at * SECOND).astype(np.int64)
    return [
        (found.stream, found.forecast.expected, found.actual)
        for found in known.learn(Batch(stream, times, times, value))
    ]


def test_the_first_reading_when_it_is_due_counts() -> None:
    """Neither the one before nor the one after, and each forecast once."""
    known = Outcomes()
    known.expect(foreseen((0, 0, 600), (1, 0, 600)))
    assert learn(known, (0, 599.0, 1.0), (0, 600.0, 2.0), (0, 601.0, 3.0)) == [(0, 600.0, 2.0)]
    assert learn(known, (1, 605.0, 4.0)) == [(1, 600.0, 4.0)]


def test_horizons_of_one_stream_do_not_wait_for_each_other() -> None:
    """A forecast for an hour does not hold back one for ten minutes that was made later."""
    known = Outcomes()
    known.expect(foreseen((0, 0, 3600), (0, 100, 700)))
    assert learn(known, (0, 700.0, 1.0)) == [(0, 700.0, 1.0)]
    assert learn(known, (0, 3600.0, 2.0)) == [(0, 3600.0, 2.0)]


def test_a_reading_long_after_says_nothing() -> None:
    """The device was away: what it reads then was not foretold."""
    known = Outcomes()
    known.expect(foreseen((0, 0, 600), (0, 300, 900)))
    assert learn(known, (0, 901.0, 1.0)) == [(0, 900.0, 1.0)]


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond, forecasts are not followed up, and that is counted; room that is freed is used again."""
    monkeypatch.setattr(outcomes, "MOST", 2)
    known = Outcomes()
    known.expect(foreseen((0, 0, 600), (1, 0, 600), (2, 0, 600)))
    assert known.dropped == 1
    assert len(learn(known, (0, 600.0, 1.0), (1, 600.0, 1.0), (2, 600.0, 1.0))) == 2
    known.expect(foreseen((2, 700, 1300)))
    assert known.dropped == 1
