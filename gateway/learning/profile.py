"""What is usual at this hour: profiles of the local day and week."""

import numpy as np
import numpy.typing as npt

from gateway.learning.calendar import WEEK_S
from gateway.learning.rows import Rows
from gateway.records import Floats, Ints

DAY_BINS = 24
WEEK_BINS = 168
_DAY_RATE = 0.04  # of a reading, at most; faster rates cost 1-2 points on NAB, finer bins gain nothing
_DAY_MEMORY_S = 2 * 3600.0
"""Two days of an hour, of readings that come so often: of one a minute 25 are less than yesterday's. With those a
simulated office of 12 sensors was told 31 times on its first Monday, now 18; with four days NAB is 0.8 points lower."""
_WEEK_RATE = 0.02
_TRUST_WEEK = 2.0  # readings of one hour of the week that weigh as much as the profile of the day
_MOST_SEEN = 200.0
_LEAST_OFF = 0.03  # of what it is off at any hour; with 0.1 a quarter less light at night is found, with 0.3 hardly any
_HALF, _ROUNDED = np.uint32(16), np.uint32(1 << 15)


def hour_of(week_s: Ints) -> Ints:
    """The hour of the week of each local time; its remainder by `DAY_BINS` is that of the day."""
    return week_s % WEEK_S // (WEEK_S // WEEK_BINS)


class Profile(Rows):
    """Exponentially weighted means per hour of the day and per hour of the week, of every stream.

    Beside those of the day stands how far off what is usual there the stream is on average, and how far off what was
    forecast: to 0.4 percent, in half the room.

    The expectation shrinks from the hour of the week to the time of day to the slow mean, as far as each has
    been seen.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "day": ((DAY_BINS,), np.float32, 0.0),
                "day_seen": ((DAY_BINS,), np.uint8, 0),
                "off": ((2, DAY_BINS), np.uint16, 0),
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
        """How far off what is usual, and what is forecast, each of `rows` is on average at its hour: (2, row).

        Beside it how often that was seen.
        """
        day = hour % DAY_BINS
        return _long(self.arrays["off"][:, day, rows]), self.arrays["day_seen"][day, rows].astype(np.float64)

    def learn(self, rows: Ints, hour: Ints, value: Floats, expected: Floats, interval_s: Floats) -> None:
        """Learn what was read where that was usual, and forecast, what `expected` (2, row) says; how often is read."""
        day, week = (hour % DAY_BINS, rows), (hour, rows)
        rate = self._count("day_seen", day, np.minimum(_DAY_RATE, interval_s / _DAY_MEMORY_S))
        self._move("day", day, value, rate)
        self._move("week", week, value, self._count("week_seen", week, _WEEK_RATE))
        places, far = (slice(None), *day), self.arrays["off"]
        off = _long(far[places])
        far[places] = _short(off + rate * (np.abs(value - expected) - off))

    def _count(self, name: str, where: tuple[Ints, Ints], least: Floats | float) -> Floats:
        """Count one more reading; returns the weight of it in a mean of up to `_MOST_SEEN`, at `least` this."""
        count = self.arrays[name]
        seen = np.minimum(count[where] + 1.0, _MOST_SEEN)
        count[where] = seen
        return np.maximum(least, 1.0 / seen)

    def _move(self, name: str, where: tuple[Ints, Ints], value: Floats, rate: Floats) -> None:
        mean = self.arrays[name]
        old = mean[where].astype(np.float64)
        mean[where] = old + rate * (value - old)


def shrunken(off: Floats, seen: Floats, whole: Floats) -> Floats:
    """How far off each stream is on average at an hour `seen` so often: `off`, or near the `whole` where it is new."""
    return np.asarray(np.maximum((seen * off + whole) / (seen + 1.0), _LEAST_OFF * whole))


def _short(number: Floats) -> npt.NDArray[np.uint16]:
    """The upper half of each as a single (bfloat16): it reaches as far, and a unit twice as large is twice as much."""
    return np.asarray((number.astype(np.float32).view(np.uint32) + _ROUNDED >> _HALF).astype(np.uint16))


def _long(half: npt.NDArray[np.uint16]) -> Floats:
    """The numbers of which `_short` kept the upper half."""
    return np.asarray((half.astype(np.uint32) << _HALF).view(np.float32).astype(np.float64))
