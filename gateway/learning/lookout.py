"""What the clock says of whole devices and their sensors: who is late, what lasts, what does not come any more."""

from typing import NamedTuple

import numpy as np

from gateway.learning.budget import Budgets
from gateway.learning.heartbeat import Heartbeats
from gateway.learning.rows import positions
from gateway.learning.streams import Streams
from gateway.learning.watch import Asked
from gateway.records import SECOND, Floats, Ints

SILENT = 0.5
LATE = 0.25
"""Score of silence at which a device is later than its longest pause: a third of the way to `SILENT`."""


class Late(NamedTuple):
    """A device that is later than ever; `last_at` and its longest usual pause in ns, silent from a score of 0.5.

    `is_gone` where it said goodbye, or its broker did.
    """

    device: int
    last_at: int
    longest: int
    score: float
    is_gone: bool = False


class Lookout:
    """Looks at all devices of a fleet.

    `worked_on` is when (ns) each was worked on last: what was before does not count.
    """

    def __init__(self, streams: Streams, hearts: Heartbeats, budgets: Budgets) -> None:
        self._streams, self._hearts, self._budgets = streams, hearts, budgets
        self._clock, self._natures = streams.prospects.clock, streams.prospects.natures
        self.device_of: Ints = np.zeros(0, dtype=np.int64)
        """The device of each stream; whoever has streams grow sets it."""

    def late(self, at: int, silent: Ints, excused_until: Ints | int = 0) -> list[Late]:
        """Devices that are late at `at`; none while no device is silent but those that are known to be."""
        hearts, scores = self._hearts.arrays, self._hearts.score(at, excused_until)
        is_silent = scores >= SILENT
        is_silent[silent] = False
        if not is_silent.any():
            return []
        found = positions(scores >= LATE)
        columns = (hearts["last_at"], hearts["longest"].astype(np.int64), scores, hearts["is_gone"])
        return [Late(*each) for each in zip(found.tolist(), *(of[found].tolist() for of in columns), strict=True)]

    def overdue(self, at: int, worked_on: Ints) -> Asked:
        """The states that last too long at `at`, of devices that report by events and are not silent, and why.

        Silent by their own habit, whoever is told silent with them: what is learned of one device must not hang on
        others.
        """
        device_of, everyone = self.device_of, np.arange(len(self.device_of))
        tells = self._hearts.is_by_events()[device_of] | self._natures.of(everyone).is_event
        is_asked = (self._hearts.score(at, worked_on) < SILENT) & (worked_on < at)
        rows = positions(tells & is_asked[device_of])
        return self._streams.watch.overdue(at, rows, worked_on[device_of[rows]], self._budget_s(rows))

    def missing(self, at: int, worked_on: Ints) -> Asked:
        """The sensors of numbers that do not come any more, though their devices are heard, and why.

        What was before a device was heard again, or the gateway deaf, does not count either.
        """
        device_of, everyone = self.device_of, slice(0, len(self.device_of))
        newest = np.minimum(self._newest(), at)[device_of]
        heard_from = np.maximum(worked_on, self._hearts.arrays["heard_from"][: self._hearts.count])[device_of]
        paused_s = (newest - np.maximum(self._clock.arrays["last_at"][everyone], heard_from)) / SECOND
        is_late = paused_s >= self._hearts.patience_s()[device_of]  # or who is back first would tell of the rest
        rows = positions(is_late & ~self._streams.is_unheard(everyone) & (worked_on < at)[device_of])
        rows = rows[self._clock.is_missed(rows, paused_s[rows])]
        return self._streams.watch.missing(rows, newest[rows], paused_s[rows], self._budget_s(rows))

    def passed(self, at: int) -> Asked:
        """The events whose incidents are over at `at`, though nothing has come since."""
        return self._streams.watch.passed(at)

    def allow(self, rows: Ints) -> None:
        """A person said that nothing is wrong with these streams: neither is how long they have not come."""
        newest = self._newest()[self.device_of[rows]]
        self._clock.allow(rows, (newest - self._clock.arrays["last_at"][rows]) / SECOND)

    def _newest(self) -> Ints:
        """The time (ns) of the newest reading of each device, by its own clock."""
        newest = np.zeros(self._hearts.count, np.int64)
        np.maximum.at(newest, self.device_of, self._clock.arrays["last_at"][: len(self.device_of)])
        return newest

    def _budget_s(self, rows: Ints) -> Floats:
        return self._budgets.spread(rows, np.zeros(len(rows), np.bool_))
