"""A beat that no calendar knows: the period in readings after which a stream repeats itself, and what comes by it."""

import numpy as np

from gateway.learning.rows import Rows, positions
from gateway.records import Floats, Ints

KEPT = 96
LONGEST = KEPT // 2
_NOTHING = 0.01  # of the range: nobody fits so well that less than this tells anything
_BETTER = 0.9  # a longer period must fit this much better: every multiple of a period fits as well as itself


class Rhythm(Rows):
    """The last `KEPT` values of every stream and the period, up to `LONGEST` readings, in which they fit best.

    They lie in a ring, in which `next` is the place of the next one. The fit is the average magnitude difference
    function (Ross et al. 1974), looked at once in `KEPT` readings.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "next": ((), np.uint8, 0),
                "period": ((), np.uint8, 1),
                "values": ((KEPT,), np.float32, 0.0),
            }
        )

    def expect(self, rows: Ints, steps: Ints) -> Floats:
        """What the last two beats had at the place of the value `steps` ahead, 1 being the next."""
        period = self.arrays["period"][rows].astype(np.int64)
        return self._by_beat(rows, steps - 1 - period * -(-steps // period), period)

    def following(self, rows: Ints) -> Floats:
        """The same for the next value."""
        period = self.arrays["period"][rows].astype(np.int64)
        return self._by_beat(rows, -period, period)

    def _by_beat(self, rows: Ints, ahead: Ints, period: Ints) -> Floats:
        place, values = self.arrays["next"][rows] + ahead, self.arrays["values"]
        last, before = values[place % KEPT, rows], values[(place - period) % KEPT, rows]
        return np.asarray(0.5 * (last.astype(np.float64) + before))

    def recent(self, rows: Ints, count: int) -> Floats:
        """The last `count` values of each of `rows`, at most `KEPT`, the newest last: (row, value)."""
        place = self.arrays["next"][rows][:, None] - np.arange(count, 0, -1)
        return np.asarray(self.arrays["values"][place % KEPT, rows[:, None]].astype(np.float64))

    def extremes(self, rows: Ints, count: int) -> tuple[Floats, Floats]:
        """Lowest and highest of the last `count` values of each of `rows`."""
        place = self.arrays["next"][rows].astype(np.int64) - np.arange(1, count + 1)[:, None]
        recent = np.take(self.arrays["values"].reshape(-1), place * self.room + rows)  # what is below 0 is at the end
        return np.minimum.reduce(recent, axis=0), np.maximum.reduce(recent, axis=0)

    def begin(self, rows: Ints, value: Floats) -> None:
        """The first value of each of `rows`: as if there had been no other before it."""
        self.arrays["values"][:, rows] = value

    def learn(self, rows: Ints, value: Floats) -> None:
        """Take in a value of each of `rows`."""
        place = self.arrays["next"][rows].astype(np.int64)
        self.arrays["values"][place, rows] = value
        place += 1
        full = positions(place == KEPT)
        place[full] = 0
        self.arrays["next"][rows] = place
        if len(full):
            self._listen(rows[full])

    def _listen(self, rows: Ints) -> None:
        """Find the period of `rows`, whose values begin at the first place."""
        values = np.ascontiguousarray(self.arrays["values"][:, rows].T)
        period, least = np.ones(len(rows), np.uint8), np.full(len(rows), np.inf)
        nothing = _NOTHING * (values.max(axis=1) - values.min(axis=1)).astype(np.float64)
        for lag in range(1, LONGEST + 1):
            apart = nothing + np.abs(values[:, lag:] - values[:, :-lag]).sum(axis=1, dtype=np.float64) / (KEPT - lag)
            is_better = apart < _BETTER * least
            period[is_better], least[is_better] = lag, apart[is_better]
        self.arrays["period"][rows] = period
