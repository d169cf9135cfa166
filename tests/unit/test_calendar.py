"""Local time of day and week."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from gateway.learning.calendar import DAY_S, SUNDAY, WEEK_S, Almanac, Holidays, local_seconds
from gateway.records import SECOND


def seconds(moment: datetime, zone: ZoneInfo | None) -> int:
    """Return the local second of the week."""
    return int(local_seconds(np.array([int(moment.timestamp()) * SECOND]), zone)[0]) % WEEK_S


def test_weeks_begin_on_monday() -> None:
    """Monday midnight is 0, in UTC and in a zone."""
    assert seconds(datetime(2025, 3, 3, tzinfo=UTC), None) == 0
    assert seconds(datetime(2025, 3, 2, 23, tzinfo=UTC), ZoneInfo("Europe/Berlin")) == 0


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"])
@pytest.mark.parametrize("day", [datetime(2025, 3, 30, tzinfo=UTC), datetime(2025, 4, 5, 12, tzinfo=UTC)])
def test_it_agrees_with_the_calendar(name: str, day: datetime) -> None:
    """Around the changes of the clocks every quarter of an hour is the one on the wall."""
    zone = ZoneInfo(name)
    moments = [day + timedelta(minutes=5 * step, seconds=1) for step in range(288)]
    found = local_seconds(np.array([int(moment.timestamp()) * SECOND for moment in moments]), zone) % WEEK_S
    walls = [moment.astimezone(zone) for moment in moments]
    assert found.tolist() == [
        wall.weekday() * DAY_S + wall.hour * 3600 + wall.minute * 60 + wall.second for wall in walls
    ]


def test_it_holds_before_1970() -> None:
    """A device without a clock says 1969: that is a time like any other."""
    assert seconds(datetime(1969, 12, 31, 23, tzinfo=UTC), None) == 2 * DAY_S + 23 * 3600
    assert seconds(datetime(1969, 12, 31, 23, tzinfo=UTC), ZoneInfo("Europe/Berlin")) == 3 * DAY_S


MAY_DAY = date(2025, 5, 1)
"""A Thursday."""


def almanac(like: int = SUNDAY) -> Almanac:
    """Return that of Berlin, where only that day is a holiday."""
    return Almanac(ZoneInfo("Europe/Berlin"), Holidays(((MAY_DAY - date(1970, 1, 1)).days,), like))


@pytest.mark.parametrize(
    ("moment", "lived_as"),
    [
        (datetime(2025, 4, 30, 21, 59, 59, tzinfo=UTC), 3 * DAY_S - 1),
        (datetime(2025, 4, 30, 22, tzinfo=UTC), SUNDAY * DAY_S),
        (datetime(2025, 5, 1, 21, 59, 59, tzinfo=UTC), WEEK_S - 1),
        (datetime(2025, 5, 1, 22, tzinfo=UTC), 4 * DAY_S),
    ],
)
def test_a_holiday_is_a_local_day(moment: datetime, lived_as: int) -> None:
    """It begins and ends at midnight of the place, two hours before London's."""
    local_s = almanac().local_s(np.array([int(moment.timestamp()) * SECOND]))
    assert almanac().week_s(local_s).tolist() == [lived_as]


def test_holidays_are_like_the_day_on_which_people_rest() -> None:
    """Where that is a Friday they are no weekend of ours, but Fridays they are."""
    day = local_seconds(np.array([int(datetime(2025, 5, 1, 12, tzinfo=UTC).timestamp()) * SECOND]), None) // DAY_S
    assert almanac().is_weekend(day).tolist() == [True]
    assert almanac(4).is_weekend(day).tolist() == [False]
    assert almanac(4).week_s(day * DAY_S).tolist() == [4 * DAY_S]
