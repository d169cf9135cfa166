"""The schedule keeps its time under an injected clock."""

from device_sim.clock import Clock, Schedule


class Wall:
    """A wall clock that stands until it is moved."""

    def __init__(self) -> None:
        self.s = 50.0

    def __call__(self) -> float:
        """Return the time as `time.monotonic` does."""
        return self.s


def test_holds_its_schedule_without_drift() -> None:
    """What happens every 60 s at 600 times the speed has happened 36,000 times after an hour, whatever the steps."""
    wall = Wall()
    schedule: Schedule[str] = Schedule(Clock(1000.0, 600.0, wall))
    schedule.add(1000.0, "it")
    times = []
    for step in range(1, 1001):
        wall.s = 50.0 + 3600.0 * step / 1000
        for at, item in schedule.due():
            times.append(at)
            schedule.add(at + 60.0, item)
    assert times == [1000.0 + 60.0 * n for n in range(36_001)]


def test_lag_is_told_and_nothing_is_skipped() -> None:
    """What could not be done in time keeps its own time; the lag is in wall seconds."""
    wall = Wall()
    schedule: Schedule[str] = Schedule(Clock(0.0, 10.0, wall))
    schedule.add(20.0, "it")
    assert (schedule.lag_s(), schedule.wait_s()) == (0.0, 2.0)
    wall.s += 5.0
    assert (schedule.lag_s(), schedule.wait_s(), schedule.lived()) == (3.0, 0.0, 20.0)
    assert list(schedule.due()) == [(20.0, "it")]
    assert (schedule.lag_s(), schedule.lived(), schedule.wait_s()) == (0.0, 50.0, float("inf"))


def test_first_added_comes_first() -> None:
    """A fault that begins with a reading begins before it."""
    schedule: Schedule[str] = Schedule(Clock(0.0, 1.0, Wall()))
    for item in ("fault", "reading", "other"):
        schedule.add(0.0, item)
    assert [item for _, item in schedule.due()] == ["fault", "reading", "other"]


def test_no_reading_is_of_the_future() -> None:
    """A fast clock that has caught up with the real one goes on with it, and one that starts now from the beginning."""
    wall = Wall()
    behind = Clock(0.0, 100.0, wall, lambda: 400.0 + wall.s)
    level = Clock(450.0, 100.0, wall, lambda: 400.0 + wall.s)
    told = []
    for wall.s in (50.0, 54.0, 60.0, 70.0):
        told.append((behind.now(), level.now()))
    assert told == [(0.0, 450.0), (400.0, 454.0), (460.0, 460.0), (470.0, 470.0)]
