"""What is learned while an incident is open is on trial: it counts when that was no fault, and else falls back."""

from collections.abc import Mapping

from gateway.learning.evidence import Statistic
from gateway.learning.gate import Changes, Gate
from gateway.learning.prospects import Prospects
from gateway.learning.shelf import APPEAL_S, FORECAST, STANDING, Shelf
from gateway.learning.suspicion import Suspicion
from gateway.records import SECOND, Change, Floats, Ints, Verdict


class Trial:
    """What the streams that have an incident knew before it, and what becomes of what they have learned since."""

    def __init__(self, gate: Gate, suspicion: Suspicion, shelf: Shelf, prospects: Prospects) -> None:
        self._gate, self._shelf, self._prospects = gate, shelf, prospects
        self._tails, self._allowed = suspicion.tails, suspicion.allowed

    def open(self, opened: Ints) -> None:
        """Incidents have opened on these streams."""
        if len(opened):
            self._gate.hold(opened, self._tails.band(opened, Statistic.LEVEL))
            self._shelf.keep(opened)
        for model in self._prospects.chosen_of(opened):
            model.keep()

    def note(self, rows: Ints, statistics: Floats) -> None:
        """Remember how far each of `rows`, of which there are copies, goes during its incident."""
        self._shelf.note(rows, self._tails.beyond(rows, statistics))

    def judge(self, rows: Ints, verdict: Verdict) -> Changes:
        """Take a person's word on the latest incidents of `rows`; returns the `Change` of each.

        A false alarm: the same is not told again. A fault: all is as it was before, and stays so until it is over. New
        normal: what was learned since counts from now on. It can be said for `APPEAL_S` after the incident opened.
        """
        known = rows[self._shelf.holds(rows)]
        if verdict is Verdict.FAULT:
            self._put_back(known, STANDING)
        elif verdict is Verdict.FALSE_ALARM:
            self._allowed.allow(known, self._shelf.extremes(known))
        return self._gate.judge(rows, verdict)

    def settle(self, rows: Ints, observed_at: Ints, change: Changes) -> None:
        """Settle which of what was learned during an incident counts, of those of `rows` of which there are copies."""
        held = self._shelf.holds(rows)
        rows, observed_at, change = rows[held], observed_at[held], change[held]
        self._put_back(rows[self._gate.is_faulty(rows)], STANDING)
        self._put_back(rows[change == Change.CLOSED], FORECAST)
        forgiven = self._gate.forgive(rows)
        if len(forgiven):
            self._allowed.allow(forgiven, self._shelf.extremes(forgiven))
        is_past = observed_at - self._gate.arrays["opened_at"][rows] > APPEAL_S * SECOND
        self.drop(rows[is_past & ~self._gate.is_open(rows)])

    def drop(self, rows: Ints) -> None:
        """What was learned since counts."""
        self._shelf.drop(rows)
        for model in self._prospects.chosen_of(rows):
            model.drop()

    def _put_back(self, rows: Ints, rooms: Mapping[str, frozenset[str]]) -> None:
        for room, stays in rooms.items() if len(rows) else ():
            self._shelf.put_back(rows, room, stays)
        for model in self._prospects.chosen_of(rows):
            model.fall_back()
