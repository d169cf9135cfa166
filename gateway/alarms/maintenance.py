"""When devices are being worked on: announced by people, or by a weekly schedule in local time; pure."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from fnmatch import fnmatchcase
from typing import NamedTuple

from gateway.records import SECOND, Maintenance

ANNOUNCED = 1000
"""Announcements remembered; the one that ended first makes room."""

DAY = timedelta(days=1)


class Schedule(NamedTuple):
    """Every week on `days` (0 is Monday) from `start` to `end`, in local time after midnight.

    An `end` that is not after `start` is on the next day.
    """

    devices: str
    days: frozenset[int]
    start: timedelta
    end: timedelta


class Window(NamedTuple):
    """An announced time (ns) in which devices are worked on: from `since`, before `until`."""

    since: int
    until: int


class Calendar:
    """Which devices were worked on until when."""

    def __init__(self, schedules: Sequence[Schedule] = (), zone: tzinfo | None = None) -> None:
        self.schedules = schedules
        self.announced: dict[str, Window] = {}
        self._zone = zone or UTC

    def __bool__(self) -> bool:
        return bool(self.schedules or self.announced)

    def announce(self, entry: Maintenance) -> None:
        """Take what a person announced; the same pattern again takes the place of what was said of it before."""
        known = self.announced.get(entry.devices)
        goes_on = known is not None and known.until > entry.at
        if entry.until <= entry.at and not goes_on:
            return  # there is nothing to end
        self.announced.pop(entry.devices, None)
        since = known.since if known is not None and goes_on else entry.at
        if len(self.announced) >= ANNOUNCED:
            del self.announced[min(self.announced, key=lambda pattern: self.announced[pattern].until)]
        self.announced[entry.devices] = Window(since, max(entry.at, entry.until))

    def announced_of(self, device: str) -> dict[str, Window]:
        """What was announced that concerns the device."""
        return {pattern: window for pattern, window in self.announced.items() if fnmatchcase(device, pattern)}

    def resume(self, at: int, leap: int = 0) -> None:
        """The clock reads `at` and was set by `leap` ns, and what was announced by it moves along.

        What was announced by a clock that nobody saw being set back would last for ever.
        """
        moved = {pattern: Window(since + leap, until + leap) for pattern, (since, until) in self.announced.items()}
        self.announced = {pattern: window for pattern, window in moved.items() if window.since <= at}

    def last(self, device: str, at: int) -> int:
        """The latest moment up to `at` (ns) at which the device was worked on: `at` itself while it is; 0 for never."""
        found = [
            min(at, window.until - 1)
            for pattern, window in self.announced.items()
            if window.since <= at and fnmatchcase(device, pattern)
        ]
        found += [self._last(plan, at) for plan in self.schedules if fnmatchcase(device, plan.devices)]
        return max(found, default=0)

    def _last(self, plan: Schedule, at: int) -> int:
        today = datetime.fromtimestamp(at // SECOND, self._zone).replace(hour=0, minute=0, second=0, tzinfo=None)
        length = plan.end - plan.start + (DAY if plan.end <= plan.start else timedelta())
        for back in range(9):  # yesterday's may still go on, and last week's was the one before
            day = today - back * DAY
            start = self._instant(day + plan.start)
            if day.weekday() in plan.days and start <= at:
                return min(at, self._instant(day + plan.start + length) - 1)
        return 0

    def _instant(self, local: datetime) -> int:
        return round(local.replace(tzinfo=self._zone).timestamp()) * SECOND

    def active(self, at: int) -> list[str]:
        """The patterns for which something is going on at `at`."""
        patterns = {*self.announced, *(plan.devices for plan in self.schedules)}
        return sorted(pattern for pattern in patterns if self._is_on(pattern, at))

    def _is_on(self, pattern: str, at: int) -> bool:
        window = self.announced.get(pattern)
        is_announced = window is not None and window.since <= at < window.until
        return is_announced or any(self._last(plan, at) == at for plan in self.schedules if plan.devices == pattern)

    def dumps(self) -> str:
        """What was announced, as JSON."""
        return json.dumps(self.announced)

    def loads(self, body: str) -> None:
        """Restore what `dumps` saved."""
        self.announced = {pattern: Window(*window) for pattern, window in json.loads(body).items()}
