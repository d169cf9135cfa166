"""What the clock says of whole devices and their sensors: who is late, what lasts, what does not come any more."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gateway.learning.arrivals import Arrivals
from gateway.learning.budget import Budgets
from gateway.learning.heartbeat import Heartbeats
from gateway.learning.rows import positions
from gateway.learning.streams import Streams
from gateway.learning.watch import Asked
from gateway.records import Floats, Ints, Verdict

SILENT = 0.5
LATE = 0.25
"""Score of silence at which a device is later than its longest pause: a third of the way to `SILENT`."""


_EVEN = 4.0
"""Usual intervals in the longest pause of a stream that comes by the clock; one that rests at night has more."""


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

    def __init__(self, streams: Streams, hearts: Heartbeats, arrivals: Arrivals, budgets: Budgets) -> None:
        self._streams, self._hearts, self._arrivals, self._budgets = streams, hearts, arrivals, budgets
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

    def away(self, at: int, worked_on: Ints) -> list[Asked]:
        """The sensors that do not come any more, though their devices are heard, and why: missing ones and gone ones.

        Those have an incident that nothing of theirs will end.
        """
        rows, paused_s = self._late(at, worked_on)
        if not len(rows):
            return []
        now, watch = self._now(rows, at), self._streams.watch
        new = positions(~self._arrivals.arrays["is_missed"][rows])
        pauses_s = np.stack([self._arrivals.arrays["longest_s"][rows].astype(np.float64), paused_s])[:, new]
        missing = watch.missing(rows[new], now[new], pauses_s, self._budget_s(rows[new]))
        gone = watch.gone(rows, now, paused_s)
        for asked in (missing, gone):
            self._arrivals.miss(asked.batch.stream)
        return [missing, gone]

    def _late(self, at: int, worked_on: Ints) -> tuple[Ints, Floats]:
        """The streams that have not come for longer than by their habits, and for how long (s)."""
        everyone, arrivals = slice(0, len(self.device_of)), self._arrivals
        paused_s = arrivals.paused_s(everyone, self._hearts.arrays["awake_s"][self.device_of])
        rows = positions(arrivals.is_late(everyone, paused_s) & (worked_on < at)[self.device_of])
        is_even = arrivals.arrays["longest_s"][rows] <= _EVEN * self._clock.arrays["interval_s"][rows]
        rows = rows[arrivals.is_late(rows, paused_s[rows], is_even & self._clock.is_regular(rows))]
        return rows, paused_s[rows]

    def _now(self, rows: Ints, at: int) -> Ints:
        """What the clock of the device of each stream says (ns)."""
        newest = np.zeros(self._hearts.count, np.int64)
        np.maximum.at(newest, self.device_of, self._clock.arrays["last_at"][: len(self.device_of)])
        return np.minimum(newest, at)[self.device_of[rows]]

    def missed(self, rows: Sequence[int], at: int) -> dict[int, int]:
        """Those of these streams that are missed, and what the clock of the device of each says (ns)."""
        found = np.array([row for row in rows if self._arrivals.arrays["is_missed"][row]], dtype=np.int64)
        return dict(zip(found.tolist(), self._now(found, at).tolist(), strict=True)) if len(found) else {}

    def passed(self, at: int) -> Asked:
        """The events whose incidents are over at `at`, though nothing has come since."""
        return self._streams.watch.passed(at)

    def judge(self, rows: Ints, verdict: Verdict) -> None:
        """Take a person's word on incidents of these streams: where they are, or were, missed, on that."""
        if verdict is Verdict.FAULT:
            self._arrivals.confirm(rows)
        else:
            self._arrivals.allow(rows, self._hearts.arrays["awake_s"][self.device_of[rows]])

    def _budget_s(self, rows: Ints) -> Floats:
        return self._budgets.spread(rows, np.zeros(len(rows), np.bool_))
