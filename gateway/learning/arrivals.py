"""How long each stream does not come while its device is heard, and when that is longer than by its habit.

Time is that in which the device was heard (`Heartbeats`, `awake_s`), by the gateway's clock: what the device, the
gateway or a person's work on it silenced does not count, and neither does what a sensor's readings are dated, or that
an hour of them comes at once.
"""

import numpy as np

from gateway.learning.heartbeat import faded
from gateway.learning.rows import Rows, rounds
from gateway.records import Floats, Ints, Mask

_PAUSES = 10.0
"""Longest pauses that may pass before a stream is missed. What reports only as it moves is quiet for a weekend: four
nights of an office."""

_BY_THE_CLOCK = 0.5  # of these, for a stream whose last gaps were alike
_LEAST_S = 600.0
_YOUNG_S = 2.0 * 86_400.0  # lived until then, a stream's pauses are its habit, however long


class Arrivals(Rows):
    """When each stream came last, and its longest pause, in seconds.

    `is_missed` where it was told missing and has not come since; `missed_s` is how long the last such pause was, and
    `before_s` the longest before it. `is_faulty` where a person called the pause that goes on a fault.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "born_s": ((), np.float64, np.nan),
                "came_s": ((), np.float64, np.nan),
                "longest_s": ((), np.float32, 0.0),
                "before_s": ((), np.float32, 0.0),
                "missed_s": ((), np.float32, 0.0),
                "is_missed": ((), np.bool_, False),
                "is_faulty": ((), np.bool_, False),
            }
        )

    def learn_many(self, streams: Ints, awake_s: Floats) -> None:
        """Readings came, each when its device had been heard for so long."""
        for turn in rounds(streams):
            self._come(streams[turn], awake_s[turn])

    def _come(self, rows: Ints, awake_s: Floats) -> None:
        a = self.arrays
        is_first = np.isnan(a["born_s"][rows])
        a["born_s"][rows] = np.where(is_first, awake_s, a["born_s"][rows])
        pause = np.where(is_first, 0.0, awake_s - a["came_s"][rows])
        longest, was_missed = a["longest_s"][rows].astype(np.float64), a["is_missed"][rows]
        is_young = a["came_s"][rows] - a["born_s"][rows] < _YOUNG_S
        is_long = ~is_young & (was_missed | (pause >= np.maximum(_PAUSES * longest, _LEAST_S)))
        counted = np.where(is_long, np.sqrt(longest * pause), pause)  # it may have died, or be used now and then
        a["missed_s"][rows] = np.where(was_missed, pause, a["missed_s"][rows])
        a["longest_s"][rows] = np.where(a["is_faulty"][rows], longest, faded(longest, counted))
        a["came_s"][rows] = awake_s
        a["is_missed"][rows] = a["is_faulty"][rows] = False

    def paused_s(self, rows: Ints | slice, awake_s: Floats) -> Floats:
        """How long each of `rows` has not come, whose devices were heard for so long; 0 of what never came."""
        return np.nan_to_num(awake_s - self.arrays["came_s"][rows])

    def is_late(self, rows: Ints | slice, paused_s: Floats, is_regular: Mask | bool = True) -> Mask:  # noqa: FBT001, FBT002 - of each row
        """Whether each of `rows` has not come for longer than by its habit."""
        pauses = np.where(is_regular, _BY_THE_CLOCK, 1.0) * _PAUSES
        return np.asarray(paused_s >= np.maximum(pauses * self.arrays["longest_s"][rows], _LEAST_S))

    def miss(self, rows: Ints) -> None:
        """These are told missing, or gone."""
        a, new = self.arrays, rows[~self.arrays["is_missed"][rows]]
        a["before_s"][new], a["is_missed"][new] = a["longest_s"][new], True

    def allow(self, rows: Ints, awake_s: Floats) -> None:
        """A person said that the pause for which these are missed, or were last, is fine."""
        a = self.arrays
        pause = np.where(a["is_missed"][rows], self.paused_s(rows, awake_s), a["missed_s"][rows])
        a["longest_s"][rows] = np.maximum(a["longest_s"][rows], pause)
        a["is_faulty"][rows] = False

    def confirm(self, rows: Ints) -> None:
        """A person said that it is, or was, a fault: nothing of it is learned."""
        a = self.arrays
        a["is_faulty"][rows] |= a["is_missed"][rows]
        a["longest_s"][rows] = np.minimum(a["longest_s"][rows], a["before_s"][rows])
