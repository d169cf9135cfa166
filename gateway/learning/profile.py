"""What is usual at this hour: profiles of the local day and week."""

from typing import NamedTuple

import numpy as np

from gateway.learning.calendar import DAY_S, WEEK_S
from gateway.learning.rows import Rows
from gateway.records import Floats, Ints

DAY_BINS = 48
WEEK_BINS = 168
_DAY_RATE = 0.04  # about 12 days of one reading per bin; finer bins or faster rates cost 1-2 points on NAB
_WEEK_RATE = 0.02
_TRUST_WEEK = 2.0  # readings of one hour of the week that weigh as much as the profile of the day
_MOST_SEEN = 200.0


class Hour(NamedTuple):
    """The half hour of the day and the hour of the week of some moments."""

    day: Ints
    week: Ints


def hour_of(week_s: Ints) -> Hour:
    """Where in its day and its week each local time is."""
    return Hour(week_s % DAY_S // (DAY_S // DAY_BINS), week_s % WEEK_S // (WEEK_S // WEEK_BINS))


class Profile(Rows):
    """Exponentially weighted means per half hour of the day and per hour of the week, of every stream.

    The expectation shrinks from the hour of the week to the time of day to the slow mean, as far as each has
    been seen.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "day": ((DAY_BINS,), np.float32, 0.0),
                "day_seen": ((DAY_BINS,), np.uint8, 0),
                "week": ((WEEK_BINS,), np.float32, 0.0),
                "week_seen": ((WEEK_BINS,), np.uint8, 0),
            }
        )

    def expect(self, rows: Ints, hour: Hour, base: Floats) -> tuple[Floats, Floats, Floats]:
        """What is usual for each of `rows` at its hour; `base` is its slow mean.

        Returns the shrunken expectation, the plain mean of the hour of the week, and how often that was seen.
        """
        day, week = hour
        seen = self.arrays["day_seen"][day, rows].astype(np.float64)
        usual = (seen * self.arrays["day"][day, rows] + base) / (seen + 1.0)
        weekly = self.arrays["week"][week, rows].astype(np.float64)
        seen = self.arrays["week_seen"][week, rows].astype(np.float64)
        trust = np.minimum(seen, 12.0)
        return (trust * weekly + _TRUST_WEEK * usual) / (trust + _TRUST_WEEK), weekly, seen

    def learn(self, rows: Ints, hour: Hour, value: Floats) -> None:
        """Learn what was read."""
        self._learn("day", (hour.day, rows), value, _DAY_RATE)
        self._learn("week", (hour.week, rows), value, _WEEK_RATE)

    def _learn(self, name: str, where: tuple[Ints, Ints], value: Floats, floor: float) -> None:
        mean, count = self.arrays[name], self.arrays[f"{name}_seen"]
        seen = np.minimum(count[where] + 1.0, _MOST_SEEN)
        old = mean[where].astype(np.float64)
        mean[where] = old + np.maximum(floor, 1.0 / seen) * (value - old)
        count[where] = seen
