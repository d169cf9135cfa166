"""Order and pace of every stream: what is stale, and how often it reports."""

import numpy as np
import numpy.typing as npt

from gateway.learning.rows import NEVER, Places, Rows, ewma_rate, positions
from gateway.records import SECOND, Floats, Ints

_RATE, _LATELY = 0.01, 0.3
_CHANGED = 2.0  # times as fast or as slow as usual; of readings that come by chance one in ten seems so
_LONGEST = 8.0  # usual intervals; an outage longer than this says nothing about the pace
_LONGER = 4.0  # times as long as lately: one gap alone is no other pace, two are
LARGEST = 1e30  # values are held within this, so that no square overflows


class Clock(Rows):
    """Per stream the last time, the usual interval and that of late, and the origin its values are counted from.

    Counting from the first value keeps the single precision of profiles and tails for what varies.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "seen": ((), np.float64, 0.0),
                "last_at": ((), np.int64, NEVER),
                "born_at": ((), np.int64, 0),
                "interval_s": ((), np.float64, 0.0),
                "lately_s": ((), np.float64, 0.0),
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
        seen, usual, lately = a["seen"][at], a["interval_s"][at], a["lately_s"][at]
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
        gap = np.where(seen > 1.0, np.minimum(since_s, _LONGER * lately), since_s)
        a["lately_s"][at] = lately + ewma_rate(_LATELY, seen) * (gap - lately)
        a["last_at"][at] = observed_at
        a["seen"][at] = seen + 1.0
        return since_s

    def lately_s(self, rows: Ints) -> Floats:
        """The seconds between the last readings of each of `rows`: the usual ones, unless they have changed.

        The usual interval needs hundreds of readings to follow; this one is within a tenth after two dozen.
        """
        usual, lately = self.arrays["interval_s"][rows], self.arrays["lately_s"][rows]
        has_changed = np.maximum(usual, lately) > _CHANGED * np.minimum(usual, lately)
        return np.where(has_changed, lately, usual)
