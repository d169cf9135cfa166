"""What the gateway's clock is worth."""

import pytest

from gateway.records import SECOND
from gateway.timekeeping import CLOCK_SET, STEADY, Timekeeping

NOON = 1_700_000_000 * SECOND


class Clocks:
    """One that can be set, and one that cannot."""

    def __init__(self) -> None:
        self.wall, self.steady = NOON, 5 * SECOND
        self.time = Timekeeping(lambda: self.wall, lambda: self.steady)

    def go(self, wall: int, steady: int) -> int:
        """Let so much time go by on each, and ask by how much the clock was set."""
        self.wall, self.steady = self.wall + wall, self.steady + steady
        return self.time.was_set(self.wall)


@pytest.mark.parametrize("leap", [CLOCK_SET + 1, -CLOCK_SET - 1, 365 * 86400 * SECOND])
def test_a_clock_that_is_set_is_noticed_once(leap: int) -> None:
    """By how much, in either direction; what a clock drifts is none of it, nor is the first look."""
    clocks = Clocks()
    assert clocks.go(0, 0) == clocks.go(60 * SECOND, 60 * SECOND) == 0
    assert clocks.go(SECOND + leap, SECOND) == leap
    assert clocks.go(SECOND, SECOND - CLOCK_SET) == 0


def test_ages_are_judged_by_a_clock_that_was_not_set_for_an_hour() -> None:
    """One that was just set may have been wrong before, or be wrong now."""
    clocks = Clocks()
    clocks.go(0, 0)
    assert not clocks.time.is_sure
    clocks.go(STEADY, STEADY)
    assert clocks.time.is_sure
    clocks.go(STEADY, SECOND)
    assert not clocks.time.is_sure


def test_a_clock_behind_the_log_was_set_back() -> None:
    """Said once; a log that is behind the clock says nothing."""
    clocks = Clocks()
    clocks.time.begin(NOON + SECOND)
    assert (clocks.time.set_back(), clocks.time.set_back()) == (-SECOND, 0)
    clocks.time.begin(NOON - SECOND)
    assert clocks.time.set_back() == 0
