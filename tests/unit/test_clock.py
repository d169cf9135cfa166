"""Order and pace of streams."""

import numpy as np
import pytest

from gateway.learning.clock import Clock
from gateway.records import SECOND

ROW = np.array([0])


def beat(clock: Clock, second: float) -> float:
    """Let a reading of the only stream come; return the seconds since the last."""
    return float(clock.advance(ROW, ROW, np.array([int(second * SECOND)]), np.zeros(1))[0])


def one() -> Clock:
    """Return the clock of one stream."""
    clock = Clock()
    clock.grow(1)
    return clock


def test_only_newer_readings_are_fresh() -> None:
    """The first reading is fresh whatever its time; then the same moment and earlier ones are stale."""
    clock = one()
    assert not clock.is_stale(ROW, np.array([-5])).any()
    beat(clock, 100)
    assert clock.is_stale(np.zeros(3, int), np.array([99, 100, 101]) * SECOND).tolist() == [True, True, False]


def test_the_pace_is_learned_and_an_outage_is_not() -> None:
    """A sensor of every minute that was off for a year still counts as one of every few minutes."""
    clock = one()
    for minute in range(200):
        beat(clock, minute * 60)
    assert clock.arrays["interval_s"][0] == pytest.approx(60.0)
    beat(clock, 365 * 86_400)
    assert clock.arrays["interval_s"][0] == pytest.approx(60 + 0.01 * 7 * 60)


def test_two_dozen_readings_tell_a_pace_that_has_changed() -> None:
    """One of every minute that then reports every five seconds; a single gap is no change."""
    clock, rows = one(), np.array([0])
    for minute in range(200):
        beat(clock, minute * 60)
    beat(clock, 200 * 60 + 7200)
    assert clock.lately_s(rows)[0] == clock.arrays["interval_s"][0]
    for number in range(1, 40):
        beat(clock, 200 * 60 + 7200 + number * 5)
    assert clock.lately_s(rows)[0] == pytest.approx(5.0, rel=0.05)


def test_a_changed_pace_is_followed() -> None:
    """A sensor set from every minute to every hour is known as such after some days."""
    clock = one()
    for minute in range(100):
        beat(clock, minute * 60)
    for hour in range(1, 500):
        beat(clock, 6000 + hour * 3600)
    assert clock.arrays["interval_s"][0] == pytest.approx(3600, rel=0.05)
