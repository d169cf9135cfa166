"""What the clock says of some streams, without a reading: what lasts too long, what is missing, what is past."""

from typing import NamedTuple

import numpy as np

from gateway.learning.gate import Gate, Phase
from gateway.learning.heartbeat import BEATS
from gateway.learning.patience import Patience
from gateway.learning.peaks import LEAST_DECADES
from gateway.learning.prospects import Prospects
from gateway.learning.rows import positions
from gateway.learning.suspicion import Suspicion
from gateway.learning.trial import Trial
from gateway.records import SECOND, Batch, Floats, Ints, Kind, Nature, Verdict, Verdicts, blank_verdicts

_EVENT_OVER_S = 3600.0  # after an odd event until its incident is over: nothing of it lasts, and the next may be far


class Asked(NamedTuple):
    """What the clock says, without a reading, and whether anything is another than before."""

    batch: Batch
    verdicts: Verdicts
    has_changed: bool


class Watch:
    """Looks at the streams that live by habits, whose learners these are."""

    def __init__(
        self, prospects: Prospects, suspicion: Suspicion, gate: Gate, trial: Trial, patience: Patience
    ) -> None:
        self._prospects, self._suspicion, self._gate = prospects, suspicion, gate
        self._trial, self._patience = trial, patience

    def overdue(self, at: int, rows: Ints, heard_from: Ints, budget_s: Floats) -> Asked:
        """Which of these streams, by the gateway's clock, are in a state for so long that it is to be told, and why.

        What was before `heard_from` (ns, of each) does not count.
        """
        habits, natures = self._suspicion.habits, self._prospects.natures
        is_it = natures.of(rows).is_habitual
        rows, heard_from, budget_s = rows[is_it], heard_from[is_it], budget_s[is_it]
        is_due, phase, behind = habits.due(rows, at), self._gate.arrays["phase"][rows], habits.behind(rows)
        is_doubtful = (phase == Phase.OPEN) | (heard_from - behind > habits.since(rows))
        habits.attend(rows[is_due], at - behind[is_due], is_doubtful[is_due])
        has_changed = bool(is_due.any())
        is_asked = (phase < Phase.OPEN) & ~self._patience.is_young(rows, natures.of(rows))
        rows, heard_from, budget_s = rows[is_asked], heard_from[is_asked], budget_s[is_asked]
        behind, is_due = behind[is_asked], is_due[is_asked]
        if not len(rows):
            return Asked(Batch(rows, rows, rows, np.zeros(0)), blank_verdicts(0), has_changed)
        now, since, nature = at - behind, np.maximum(habits.since(rows), heard_from - behind), natures.of(rows)
        interval_s, everyone = self._prospects.interval_s(rows), np.ones(len(rows), np.bool_)
        aged = self._patience.youth(rows, now, nature), interval_s
        case = self._suspicion.lasting(rows, now, since, aged, nature.is_event, is_due)
        threshold = self._patience.threshold(rows, interval_s, budget_s, nature)
        told = positions(case.decades >= threshold)
        verdicts, decades, late = blank_verdicts(len(told)), case.decades[told], rows[told]
        if len(told):
            verdicts.period[:] = decades + np.log10(self._prospects.interval_s(late))
            verdicts.kind[:] = case.kind[told]
            verdicts.nature[:] = np.where(nature.is_event[told], Nature.EVENT, Nature.STATE)
            verdicts.base[:], verdicts.span_s[:] = (each[told] for each in self._suspicion.stands(rows, case))
            verdicts.change[:] = self._gate.step(late, now[told], decades, threshold[told], ~everyone[told])
            verdicts.score[:] = self._gate.score(late, decades, threshold[told])
            self._gate.spend(late, verdicts.change, np.zeros(len(late)), budget_s[told])
            self._trial.open(late)
            self._trial.note(late, case.statistics[:, told])
        return Asked(Batch(late, now[told], np.full(len(late), at), habits.value(late)), verdicts, has_changed)

    def missing(self, rows: Ints, now: Ints, pauses_s: Floats, budget_s: Floats) -> Asked:
        """Which of these, which have not come for longer than by their habits, are numbers to be told so.

        `now` is when (ns) that was, by the clock of each device, `pauses_s` the longest of each and this one.
        """
        natures, gate, nature = self._prospects.natures, self._gate, self._prospects.natures.of(rows)
        clock, (youth, _) = self._prospects.clock.arrays, self._patience.youth(rows, now, nature)
        last_at, born_at = clock["last_at"][rows], clock["born_at"][rows]
        is_known = (self._prospects.seen(rows) >= BEATS) & (youth <= 0.0) & (now - last_at <= last_at - born_at)
        now = np.maximum(now, last_at + 1)  # it is back with a reading from before it was missed
        is_it = ~nature.is_habitual & ~gate.is_open(rows) & is_known
        rows, now, pauses_s, budget_s = rows[is_it], now[is_it], pauses_s[:, is_it], budget_s[is_it]
        verdicts = blank_verdicts(len(rows))
        if len(rows):
            threshold = self._patience.threshold(rows, self._prospects.interval_s(rows), budget_s, natures.of(rows))
            verdicts.kind[:], (verdicts.base[:], verdicts.span_s[:]) = Kind.SILENT, pauses_s
            gate.settle(rows)
            verdicts.change[:] = gate.step(rows, now, threshold, threshold, np.zeros(len(rows), np.bool_))
            verdicts.score[:] = gate.score(rows, threshold, threshold)
            gate.spend(rows, verdicts.change, np.zeros(len(rows)), budget_s)
            self._trial.open(rows)
        return Asked(Batch(rows, now, now, natures.arrays["last"][rows]), verdicts, bool(len(rows)))

    def gone(self, rows: Ints, now: Ints, paused_s: Floats) -> Asked:
        """Which of these have an incident for as long as makes a new normal: what does not come can end none."""
        is_it = self._gate.has_lasted(rows, now)
        rows, now, verdicts = rows[is_it], now[is_it], blank_verdicts(int(is_it.sum()))
        if len(rows):
            verdicts.kind[:], verdicts.span_s[:] = Kind.SILENT, paused_s[is_it]
            verdicts.change[:] = self._trial.judge(rows, Verdict.NEW_NORMAL)
        return Asked(Batch(rows, now, now, self._prospects.natures.arrays["last"][rows]), verdicts, bool(len(rows)))

    def passed(self, at: int) -> Asked:
        """The events whose incidents are over by the gateway's clock, since nothing odd has followed them."""
        habits, count = self._suspicion.habits, self._gate.count
        rows = positions(
            self._gate.is_on_trial(slice(0, count)) & self._prospects.natures.of(np.arange(count)).is_event
        )
        now, last_at = at - habits.behind(rows), self._prospects.clock.arrays["last_at"][rows]
        is_odd = last_at >= self._gate.arrays["opened_at"][rows]  # and not one that is missing
        is_it = is_odd & (now - last_at >= _EVENT_OVER_S * SECOND)
        rows, now = rows[is_it], now[is_it]
        verdicts = blank_verdicts(len(rows))
        if len(rows):
            nobody, nothing = np.zeros(len(rows), np.bool_), np.zeros(len(rows))
            self._gate.hurry(rows)
            verdicts.change[:] = self._gate.step(rows, now, nothing, nothing + LEAST_DECADES, nobody)
            verdicts.nature[:] = Nature.EVENT
            self._trial.settle(rows, now, verdicts.change)
        return Asked(Batch(rows, now, np.full(len(rows), at), habits.value(rows)), verdicts, bool(len(rows)))
