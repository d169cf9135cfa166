"""Order and pace of every stream: what is stale, and how often it reports."""

import numpy as np
import numpy.typing as npt

from gateway.learning.heartbeat import IRREGULAR, faded
from gateway.learning.rows import NEVER, Places, Rows, ewma_rate, positions
from gateway.records import SECOND, Floats, Ints

RECENT = 24
"""Readings of which it is known when they came: two hours of a reading every five minutes."""

_RATE = 0.01
_LONGEST = 8.0  # usual intervals; an outage longer than this says nothing about the pace

_PAUSES = 10.0
"""Longest pauses of a sensor that may pass, while its device is heard, before it is missed. One that reports only as it
moves is quiet for a weekend: four nights of an office."""

_BY_THE_CLOCK = 0.5  # of these, for a sensor whose last gaps were alike
_LEAST_PAUSE_S = 600.0
_YOUNG_S = 2.0 * 86_400.0  # lived until then, a sensor's pauses are its habit, however long
_MINUTE_S = 60.0
"""Gaps are kept in minutes: half precision reaches from a millisecond to 45 days then."""

_LARGEST_GAP = float(np.finfo(np.float16).max)
LARGEST = 1e30  # values are held within this, so that no square overflows


class Clock(Rows):
    """Per stream the last time, the usual interval, the last gaps and the longest, and the origin of its values.

    Counting from the first value keeps the single precision of profiles and tails for what varies.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "seen": ((), np.float64, 0.0),
                "last_at": ((), np.int64, NEVER),
                "born_at": ((), np.int64, 0),
                "interval_s": ((), np.float64, 0.0),
                "gaps": ((RECENT,), np.float16, 0.0),
                "longest_s": ((), np.float32, 0.0),
                "origin": ((), np.float64, 0.0),
            }
        )

    def is_stale(self, at: Places, observed_at: Ints) -> npt.NDArray[np.bool_]:
        """Whether a reading is not newer than the last one learned."""
        return np.asarray(observed_at <= self.arrays["last_at"][at])

    def advance(self, rows: Ints, at: Places, observed_at: Ints, value: Floats) -> Floats:
        """Take note of a reading of each of `rows`; returns the seconds since the one before, 0 where there was none.

        `at` are the same, as `stretch` finds them; `value` is within `LARGEST`.
        """
        a = self.arrays
        seen, usual = a["seen"][at], a["interval_s"][at]
        first = positions(seen == 0.0)
        if len(first):
            born = rows[first]
            a["origin"][born], a["born_at"][born], a["last_at"][born] = (
                value[first],
                observed_at[first],
                observed_at[first],
            )
        since_s = (observed_at - a["last_at"][at]) / SECOND
        gap = np.where(seen > 1.0, np.minimum(since_s, _LONGEST * usual), since_s)
        a["interval_s"][at] = usual + ewma_rate(_RATE, seen) * (gap - usual)
        longest = a["longest_s"][at].astype(np.float64)
        is_missed = (a["last_at"][at] - a["born_at"][at] >= _YOUNG_S * SECOND) & (
            since_s >= np.maximum(_PAUSES * longest, _LEAST_PAUSE_S)
        )
        pause = np.where(is_missed, np.sqrt(longest * since_s), since_s)  # it may have died, or be used now and then
        a["longest_s"][at] = faded(longest, pause)
        a["gaps"][seen.astype(np.int64) % RECENT, rows] = np.minimum(since_s / _MINUTE_S, _LARGEST_GAP)
        a["last_at"][at] = observed_at
        a["seen"][at] = seen + 1.0
        return since_s

    def is_missed(self, rows: Ints, paused_s: Floats) -> npt.NDArray[np.bool_]:
        """Whether each of `rows` has paused for longer than by its habit; sooner of those that come by the clock."""
        gaps = self.arrays["gaps"][:, rows].astype(np.float64)
        mean = gaps.mean(axis=0)
        is_regular = np.abs(gaps - mean).mean(axis=0) <= IRREGULAR * mean
        share = np.where(is_regular, _BY_THE_CLOCK, 1.0)
        return np.asarray(paused_s >= np.maximum(share * _PAUSES * self.arrays["longest_s"][rows], _LEAST_PAUSE_S))

    def allow(self, rows: Ints, pause_s: Floats) -> None:
        """A person said that these pauses, of so many seconds, are fine: those that would be missed are a habit now."""
        is_missed = self.is_missed(rows, pause_s)
        self.arrays["longest_s"][rows[is_missed]] = pause_s[is_missed]

    def ages_s(self, rows: Ints) -> Floats:
        """How long before its last reading each of the last `RECENT` of each of `rows` came: (row, reading), to 0."""
        places = self.arrays["seen"][rows].astype(np.int64)[:, None] - np.arange(RECENT - 1)
        gaps = self.arrays["gaps"][(places - 1) % RECENT, rows[:, None]].astype(np.float64)
        return _MINUTE_S * np.append(np.cumsum(gaps, axis=1)[:, ::-1], np.zeros((len(rows), 1)), axis=1)
