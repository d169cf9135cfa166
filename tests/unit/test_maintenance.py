"""When devices are worked on: announced, or every week at the same local time."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from gateway.alarms.maintenance import ANNOUNCED, Calendar, Schedule
from gateway.records import SECOND, Maintenance

HOUR = 3600 * SECOND
BERLIN = ZoneInfo("Europe/Berlin")


def instant(text: str) -> int:
    """Return a local time in Berlin as ns."""
    return round(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()) * SECOND


def nightly(days: str = "0123456", start: int = 2, end: int = 4) -> Calendar:
    """Return a calendar with work on the heating on these days, 0 is Monday, between these hours."""
    plan = Schedule("heating-*", frozenset(map(int, days)), timedelta(hours=start), timedelta(hours=end))
    return Calendar([plan], BERLIN)


def test_an_announcement_holds_from_when_it_was_made_until_its_end() -> None:
    """Inside, the latest moment of work is now; afterwards it is the end; other devices never."""
    calendar = Calendar()
    assert not calendar
    calendar.announce(Maintenance(5 * HOUR, "pump-*", 7 * HOUR))
    assert calendar
    assert calendar.last("pump-1", 4 * HOUR) == 0
    assert calendar.last("pump-1", 6 * HOUR) == 6 * HOUR
    assert calendar.last("pump-1", 9 * HOUR) == calendar.last("pump-1", 7 * HOUR) == 7 * HOUR - 1
    assert calendar.last("room", 6 * HOUR) == 0
    assert (calendar.active(6 * HOUR), calendar.active(7 * HOUR)) == (["pump-*"], [])


def test_work_can_end_early_and_be_prolonged() -> None:
    """The same pattern again replaces the end; the beginning stays while the first still goes on."""
    calendar = Calendar()
    calendar.announce(Maintenance(5 * HOUR, "pump", 7 * HOUR))
    calendar.announce(Maintenance(6 * HOUR, "pump", 9 * HOUR))
    assert calendar.last("pump", 8 * HOUR) == 8 * HOUR
    calendar.announce(Maintenance(8 * HOUR, "pump", 0))
    assert calendar.last("pump", 10 * HOUR) == 8 * HOUR - 1


def test_what_never_began_cannot_end() -> None:
    """A switch that is turned off twice announces no work of no time."""
    calendar = Calendar()
    calendar.announce(Maintenance(5 * HOUR, "pump", 0))
    assert not calendar
    calendar.announce(Maintenance(5 * HOUR, "pump", 7 * HOUR))
    calendar.announce(Maintenance(6 * HOUR, "pump", 0))
    calendar.announce(Maintenance(9 * HOUR, "pump", 0))
    assert calendar.last("pump", 10 * HOUR) == 6 * HOUR - 1


def test_announcements_are_bounded() -> None:
    """Beyond a thousand the one that ended first is forgotten."""
    calendar = Calendar()
    for number in range(ANNOUNCED + 5):
        calendar.announce(Maintenance(number, f"d{number}", number + HOUR))
    assert len(calendar.announced) == ANNOUNCED
    assert calendar.last("d0", HOUR) == 0
    again = Calendar()
    again.loads(calendar.dumps())
    assert again.announced == calendar.announced


def test_a_schedule_is_local_time_on_both_sides_of_the_change_of_clocks() -> None:
    """Two o'clock is two o'clock in summer and in winter."""
    calendar = nightly()
    for day in ("2026-07-01", "2026-12-01"):
        assert calendar.last("heating-1", instant(f"{day}T02:30")) == instant(f"{day}T02:30")
        assert calendar.last("heating-1", instant(f"{day}T05:00")) == instant(f"{day}T04:00") - 1
        assert calendar.last("heating-1", instant(f"{day}T04:00")) == instant(f"{day}T04:00") - 1
        assert calendar.last("boiler", instant(f"{day}T02:30")) == 0
    assert calendar.active(instant("2026-07-01T03:00")) == ["heating-*"]


def test_a_schedule_over_midnight_belongs_to_the_day_it_began_on() -> None:
    """Saturday from 22 to 6 is still going on early on Sunday, and was last on the Sunday before on a Saturday noon."""
    calendar = nightly(days="5", start=22, end=6)
    sunday = instant("2026-11-22T05:00")
    assert calendar.last("heating-1", sunday) == sunday
    assert calendar.last("heating-1", instant("2026-11-28T12:00")) == instant("2026-11-22T06:00") - 1
    assert Calendar([], UTC).last("heating-1", sunday) == 0


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Atlantic/Azores"])
@pytest.mark.parametrize("start", range(0, 240, 20))
@pytest.mark.parametrize("length", [10, 45, 90])
def test_no_night_of_changed_clocks_has_a_window_twice(zone: str, start: int, length: int) -> None:
    """Whatever the clocks do in the year: on a day it begins at most once, and ends."""
    begins, ends = timedelta(minutes=start), timedelta(minutes=start + length)
    calendar = Calendar([Schedule("*", frozenset(range(7)), begins, ends)], ZoneInfo(zone))
    for night in ("2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-04-05", "2026-10-04"):
        midnight = int(datetime.fromisoformat(night).replace(tzinfo=ZoneInfo(zone)).timestamp())
        moments = [(midnight + minute * 60) * SECOND for minute in range(0, 480, 5)]
        on = [calendar.last("pump", at) == at for at in moments]
        assert sum(now and not before for before, now in pairwise([False, *on])) <= 1
        assert not on[-1]
