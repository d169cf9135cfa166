"""What is usual at this hour: profiles of the local day and week."""

import numpy as np

from gateway.learning.calendar import WEEK_S
from gateway.learning.rows import Rows
from gateway.records import Floats, Ints

DAY_BINS = 24
WEEK_BINS = 168
_DAY_RATE = 0.04  # about 12 days of two readings per bin; faster rates cost 1-2 points on NAB, finer bins gain nothing
_WEEK_RATE = 0.02
_TRUST_WEEK = 2.0  # readings of one hour of the week that weigh as much as the profile of the day
_MOST_SEEN = 200.0


def hour_of(week_s: Ints) -> Ints:
    """The hour of the week of each local time; its remainder by `DAY_BINS` is that of the day."""
    return week_s % WEEK_S // (WEEK_S // WEEK_BINS)


class Profile(Rows):
    """Exponentially weighted means per hour of the day and per hour of the week, of every stream.

    Beside those of the day stands how far the stream usually is off what is expected there.

    The expectation shrinks from the hour of the week to the time of day to the slow mean, as far as each has
    been seen.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "day": ((DAY_BINS,), np.float32, 0.0),
                "day_seen": ((DAY_BINS,), np.uint8, 0),
                "off": ((DAY_BINS,), np.float32, 0.0),
                "week": ((WEEK_BINS,), np.float32, 0.0),
                "week_seen": ((WEEK_BINS,), np.uint8, 0),
            }
        )

    def expect(self, rows: Ints, hour: Ints, base: Floats) -> tuple[Floats, Floats, Floats]:
        """What is usual for each of `rows` at its hour of the week; `base` is its slow mean.

        Returns the shrunken expectation, the plain mean of the hour of the week, and how often that was seen.
        """
        day = hour % DAY_BINS
        seen = self.arrays["day_seen"][day, rows].astype(np.float64)
        usual = (seen * self.arrays["day"][day, rows] + base) / (seen + 1.0)
        weekly = self.arrays["week"][hour, rows].astype(np.float64)
        seen = self.arrays["week_seen"][hour, rows].astype(np.float64)
        trust = np.minimum(seen, 12.0)
        return (trust * weekly + _TRUST_WEEK * usual) / (trust + _TRUST_WEEK), weekly, seen

    def off(self, rows: Ints, hour: Ints) -> tuple[Floats, Floats]:
        """How far off what is expected each of `rows` is on average at its hour, and how often that was seen."""
        off, seen = (self.arrays[name][hour % DAY_BINS, rows].astype(np.float64) for name in ("off", "day_seen"))
        return off, seen

    def learn(self, rows: Ints, hour: Ints, value: Floats, usual: Floats) -> None:
        """Learn what was read where `usual` was expected."""
        day, week = (hour % DAY_BINS, rows), (hour, rows)
        rate = self._count("day_seen", day, _DAY_RATE)
        self._move("day", day, value, rate)
        self._move("off", day, np.abs(value - usual), rate)
        self._move("week", week, value, self._count("week_seen", week, _WEEK_RATE))

    def _count(self, name: str, where: tuple[Ints, Ints], least: float) -> Floats:
        """Count one more reading; returns the weight of it in a mean of all, at `least` this."""
        count = self.arrays[name]
        seen = np.minimum(count[where] + 1.0, _MOST_SEEN)
        count[where] = seen
        return np.maximum(least, 1.0 / seen)

    def _move(self, name: str, where: tuple[Ints, Ints], value: Floats, rate: Floats) -> None:
        mean = self.arrays[name]
        old = mean[where].astype(np.float64)
        mean[where] = old + rate * (value - old)
