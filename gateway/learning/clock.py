"""Order and pace of every stream: what is stale, and how often it reports."""

import numpy as np
import numpy.typing as npt

from gateway.learning.heartbeat import IRREGULAR
from gateway.learning.rows import NEVER, Places, Rows, ewma_rate, positions
from gateway.records import SECOND, Floats, Ints

RECENT = 24
"""Readings of which it is known when they came: two hours of a reading every five minutes."""

_RATE = 0.01
_LONGEST = 8.0  # usual intervals; an outage longer than this says nothing about the pace

_MINUTE_S = 60.0
"""Gaps are kept in minutes: half precision reaches from a millisecond to 45 days then."""

_LARGEST_GAP = float(np.finfo(np.float16).max)
LARGEST = 1e30  # values are held within this, so that no square overflows


class Clock(Rows):
    """Per stream the last time, the usual interval, the last gaps, and the origin of its values.

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
        a["gaps"][seen.astype(np.int64) % RECENT, rows] = np.minimum(since_s / _MINUTE_S, _LARGEST_GAP)
        a["last_at"][at] = observed_at
        a["seen"][at] = seen + 1.0
        return since_s

    def is_regular(self, rows: Ints) -> npt.NDArray[np.bool_]:
        """Whether the last gaps of each of `rows` were alike."""
        gaps = self.arrays["gaps"][:, rows].astype(np.float64)
        mean = gaps.mean(axis=0)
        return np.asarray(np.abs(gaps - mean).mean(axis=0) <= IRREGULAR * mean)

    def ages_s(self, rows: Ints) -> Floats:
        """How long before its last reading each of the last `RECENT` of each of `rows` came: (row, reading), to 0."""
        places = self.arrays["seen"][rows].astype(np.int64)[:, None] - np.arange(RECENT - 1)
        gaps = self.arrays["gaps"][(places - 1) % RECENT, rows[:, None]].astype(np.float64)
        return _MINUTE_S * np.append(np.cumsum(gaps, axis=1)[:, ::-1], np.zeros((len(rows), 1)), axis=1)
