"""Local time: where in its day and its week a reading falls, and which days are like another of the week."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

import numpy as np

from gateway.records import SECOND, Floats, Ints, Mask

DAY_S = 86_400
WEEK_S = 7 * DAY_S
SUNDAY = 6
_WORKDAYS = 5  # of a week, which begins on Monday
_THURSDAY_TO_MONDAY = 3  # 1970-01-01 was a Thursday
_OFFSET_STEP_S = 900  # the finest grain on which the world's clocks change their offset


def local_seconds(observed_at: Ints, zone: tzinfo | None) -> Ints:
    """Seconds of local wall-clock time since a Monday, for each instant; `zone` None is UTC."""
    seconds = observed_at // SECOND
    if zone is not None:
        steps, inverse = np.unique(seconds // _OFFSET_STEP_S, return_inverse=True)
        offsets = [_offset_s(int(step) * _OFFSET_STEP_S, zone) for step in steps]
        seconds = seconds + np.array(offsets, np.int64)[inverse]
    return seconds + _THURSDAY_TO_MONDAY * DAY_S


def _offset_s(instant_s: int, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(instant_s, zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


@dataclass(frozen=True, slots=True)
class Holidays:
    """Local days, counted from 1970-01-01, that are lived like the day `like` of the week, 0 being Monday.

    Offices and households that so live were told on 1 of 100 of them instead of 13 (`bench_holidays.py`).
    """

    days: Sequence[int] = ()
    like: int = SUNDAY


class Almanac:
    """The local time of a place, and which of its days are holidays.

    Its days are counted, as in `local_seconds`, from a Monday.
    """

    def __init__(self, zone: tzinfo | None = None, holidays: Holidays | None = None) -> None:
        holidays = holidays or Holidays()
        self._zone, self._like = zone, holidays.like
        self._days = np.unique(np.array(holidays.days, np.int64)) + _THURSDAY_TO_MONDAY
        more = np.int64(self._like >= _WORKDAYS) - (self._days % 7 >= _WORKDAYS)
        self._more = np.concatenate([[0], np.cumsum(more)])

    def local_s(self, observed_at: Ints) -> Ints:
        """Seconds of local wall-clock time since a Monday, for each instant."""
        return local_seconds(observed_at, self._zone)

    def week_s(self, local_s: Ints) -> Ints:
        """The second of the week at which each local time is lived: on holidays that of the day they are like."""
        week_s = local_s % WEEK_S
        if not len(self._days):
            return week_s
        is_it = self._is_holiday(local_s // DAY_S)
        return np.asarray(np.where(is_it, self._like * DAY_S + week_s % DAY_S, week_s))

    def is_weekend(self, day: Ints) -> Mask:
        """Whether each day is lived like one of a weekend."""
        is_it = day % 7 >= _WORKDAYS
        if not len(self._days):
            return np.asarray(is_it)
        return np.asarray(np.where(self._is_holiday(day), self._like >= _WORKDAYS, is_it))

    def weekend_days(self, day: Ints) -> Ints:
        """How many days before each, from the first Monday on, were lived like those of a weekend."""
        found = 2 * (day // 7) + np.maximum(day % 7 - _WORKDAYS, 0)
        return np.asarray(found + self._more[np.searchsorted(self._days, day)] if len(self._days) else found)

    def alike_s(self, since: Ints, at: Ints) -> Floats:
        """How many of the seconds between two instants were lived on days like the last, workdays or weekends."""
        since_s, at_s = self.local_s(since), self.local_s(at)
        weekend_s = self._weekend_s(at_s) - self._weekend_s(since_s)
        alike_s = np.where(self.is_weekend(at_s // DAY_S), weekend_s, at_s - since_s - weekend_s)
        return alike_s.astype(np.float64)

    def _weekend_s(self, local_s: Ints) -> Ints:
        """How many of the seconds before each local time were lived on days like those of a weekend."""
        day = local_s // DAY_S
        return np.asarray(self.weekend_days(day) * DAY_S + self.is_weekend(day) * (local_s % DAY_S))

    def _is_holiday(self, day: Ints) -> Mask:
        place = np.searchsorted(self._days, day)
        return np.asarray(self._days[np.minimum(place, len(self._days) - 1)] == day)
