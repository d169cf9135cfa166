"""The fleet that shows what the gateway does."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.demo import BACK_DAYS, START_HOUR, _start


@pytest.mark.parametrize("hours", [0, 5, 23, 24 * 3 + 1, 24 * 6 + 19])
def test_whenever_it_is_started_the_fleet_begins_at_one_hour_of_the_week(hours: int) -> None:
    """What is told depends on the hour: a first evening, and a weekend, were told as odd at some and not at others."""
    now = datetime(2026, 11, 23, 0, 30, 7, 5, tzinfo=UTC) + timedelta(hours=hours)
    start = _start(now)
    assert (start.weekday(), start.hour, start.minute, start.second, start.microsecond) == (0, START_HOUR, 0, 0, 0)
    assert timedelta(days=BACK_DAYS) <= now - start < timedelta(days=BACK_DAYS + 8)
