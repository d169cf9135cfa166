"""Order and pace of streams."""

import numpy as np
import pytest

from gateway.learning.clock import RECENT, Clock
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


def test_it_is_known_when_the_last_readings_came() -> None:
    """Of one of every minute that is away for two hours and then reports every five seconds."""
    clock, rows = one(), np.array([0])
    for minute in range(200):
        beat(clock, minute * 60)
    beat(clock, 200 * 60 + 7200)
    assert clock.ages_s(rows)[0, -4:].tolist() == pytest.approx([7380.0, 7320.0, 7260.0, 0.0], rel=1e-3)
    for number in range(1, 40):
        beat(clock, 200 * 60 + 7200 + number * 5)
    assert clock.ages_s(rows)[0].tolist() == pytest.approx([5.0 * ago for ago in range(RECENT - 1, -1, -1)], rel=1e-3)


@pytest.mark.parametrize(("gap_s", "kept_s"), [(0.001, 0.001), (0.0, 0.0), (86_400.0, 86_400.0), (1e9, 3.93e6)])
def test_gaps_of_any_length_are_kept_as_well_as_may_be(gap_s: float, kept_s: float) -> None:
    """From a millisecond to 45 days, and a longer one as that."""
    clock = one()
    beat(clock, 1.0)
    beat(clock, 1.0 + gap_s)
    assert clock.ages_s(ROW)[0, -2] == pytest.approx(kept_s, rel=2e-3)


def test_a_changed_pace_is_followed() -> None:
    """A sensor set from every minute to every hour is known as such after some days."""
    clock = one()
    for minute in range(100):
        beat(clock, minute * 60)
    for hour in range(1, 500):
        beat(clock, 6000 + hour * 3600)
    assert clock.arrays["interval_s"][0] == pytest.approx(3600, rel=0.05)
