"""Local time of day and week."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from gateway.learning.calendar import DAY_S, WEEK_S, local_seconds
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
