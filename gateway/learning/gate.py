"""From single readings to incidents, per stream: opened, escalated, closed, adopted; and what may be learned then."""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from gateway.learning.rows import Places, Rows, positions, within
from gateway.records import ALARM, MOST_CALM, SECOND, Change, Floats, Ints, Mask, Verdict

_HYSTERESIS = 0.5  # decades below the threshold at which an incident is still fed
_QUIET = 12.0  # readings; NAB is flat from 6 to 48
_SETTLED = 24.0  # the same of what was adopted: by then the longest window of `Evidence` holds nothing but that
_LEVEL_FORGETS = 24.0  # readings in a row out of the old band: one glitch has left the mean long before
_EVIDENCE_FORGETS = 360.0  # readings; the slow mean of the evidence has forgotten a glitch, which is no new normal
_ESCALATE = 3.0  # decades rarer than what was told
NOTICE = 1.0  # decades below the threshold from which a reading is worth a line in the log

MEMORY_S = 30 * 86_400.0
"""How long an incident counts in the rate of those that were opened: the time the budget is given for."""

_STRICTER = 0.4  # decades per incident; 0.8 holds the budget of heavy tails better and costs 5 points on NAB
_STRICTEST = 1.5

Changes = npt.NDArray[np.uint8]


class Phase(IntEnum):
    """Where a stream stands."""

    CALM = 0
    WATCHED = 1
    OPEN = 2
    SETTLING = 3  # adopted as the new normal; silent until it is calm


_CALM, _WATCHED, _OPEN, _SETTLING = (int(phase) for phase in Phase)  # arrays compare with members of an enum slowly

_CHANGES = tuple(map(int, (Change.NOTICE, Change.ESCALATE, Change.ADOPTED, Change.CLOSED, Change.OPEN)))
_PHASES = (_WATCHED, _SETTLING, _CALM, _OPEN)
"""What follows from a notice, an adoption, an end and a beginning; the last that applies counts."""


class Gate(Rows):
    """The incident of every stream.

    While one is open, what is learned of its stream is on trial. What lasts `adopt_after_s` of the stream's own time
    becomes the new normal, unless a person called it a fault. `is_fine` is what a person called a false alarm.
    """

    def __init__(self, adopt_after_s: float) -> None:
        super().__init__(
            {
                "phase": ((), np.uint8, Phase.CALM),
                "told": ((), np.float32, 0.0),
                "quiet": ((), np.float32, 0.0),
                "opened_at": ((), np.int64, 0),
                "strictness": ((), np.float64, 0.0),
                "opened": ((), np.float64, 0.0),
                "low": ((), np.float32, 0.0),
                "high": ((), np.float32, 0.0),
                "since": ((), np.float32, 0.0),
                "away": ((), np.float32, 0.0),
                "is_fault": ((), np.bool_, False),
                "is_fine": ((), np.bool_, False),
            }
        )
        self._adopt_after = int(adopt_after_s * SECOND)

    def is_calm(self, at: Places) -> Mask:
        """Whether nothing is odd about each of these streams."""
        return np.asarray(self.arrays["phase"][at] == _CALM)

    def is_open(self, at: Places) -> Mask:
        """Whether an incident is open on each of these streams."""
        return np.asarray(self.arrays["phase"][at] == _OPEN)

    def score(self, at: Places, decades: Floats, threshold: Floats, doubt: Floats | float = 0.0) -> Floats:
        """The score of what `step` was told of each of these: from `ALARM` on exactly where an incident goes on.

        `doubt` is how many decades more it were of a grown stream; how severe an alarm is does not hang on that.
        """
        doubt = np.where(decades < threshold, doubt, 0.0)
        score = (decades + doubt) / (decades + threshold + 2.0 * doubt)
        goes_on = (self.arrays["phase"][at] == _OPEN) & (self.arrays["quiet"][at] == 0.0)
        return np.where(goes_on, np.maximum(score, ALARM), np.minimum(score, MOST_CALM))

    def is_on_trial(self, at: Places) -> Mask:
        """Whether what each of these shows belongs to an incident that is open or was adopted."""
        return np.asarray(self.arrays["phase"][at] >= _OPEN)

    def is_faulty(self, at: Places) -> Mask:
        """Whether a person said of the incident of each of these that it is a fault."""
        return np.asarray(self.arrays["is_fault"][at])

    def forgive(self, rows: Ints) -> Ints:
        """Those of `rows` whose incident was a false alarm and has now calmed down; each is told once."""
        fine: Ints = rows[self.arrays["is_fine"][rows] & (self.arrays["phase"][rows] == _CALM)]
        self.arrays["is_fine"][fine] = False
        return fine

    def spend(self, at: Places, change: Changes, interval_s: Floats, budget_s: Floats) -> None:
        """Hold the budget on streams no tail describes: each incident makes the stream stricter, time forgives.

        `budget_s` is the time between two acceptable false alarms. In balance incidents come exactly at the budget (as
        in adaptive conformal inference, Gibbs and Candès 2021). Counted beside it is what was opened in the last days.
        """
        a, opens = self.arrays, change == _CHANGES[-1]
        spent = np.where(opens, _STRICTER, 0.0) - _STRICTER * (interval_s / budget_s)
        a["strictness"][at] = within(a["strictness"][at] + spent, 0.0, _STRICTEST)
        a["opened"][at] = a["opened"][at] * np.maximum(1.0 - interval_s / MEMORY_S, 0.0) + opens

    def settle(self, rows: Ints) -> None:
        """What was taken for normal of these is over."""
        self.arrays["phase"][rows[self.arrays["phase"][rows] == _SETTLING]] = _CALM

    def has_lasted(self, at: Places, now: Ints) -> Mask:
        """Whether an incident that nobody called a fault is open for so long that it makes a new normal."""
        lasts = now - self.arrays["opened_at"][at] >= self._adopt_after
        return np.asarray(self.is_open(at) & lasts & ~self.is_faulty(at))

    def outside(self, at: Places, level: Floats) -> Mask:
        """Whether the level is out of the band that was everyday when the incident opened."""
        return np.asarray((level < self.arrays["low"][at]) | (level > self.arrays["high"][at]))

    def hold(self, rows: Ints, band: tuple[Floats, Floats]) -> None:
        """Remember what was everyday for `rows`, where an incident has just opened."""
        self.arrays["low"][rows], self.arrays["high"][rows] = band

    def hurry(self, rows: Ints) -> None:
        """With the next reading that is no evidence the incident of each of `rows` is over."""
        self.arrays["quiet"][rows] = _SETTLED - 1.0

    def step(self, rows: Ints, observed_at: Ints, decades: Floats, threshold: Floats, is_outside: Mask) -> Changes:
        """Move each stream by one reading; returns the `Change` of each.

        `is_outside` says that the level has not come back to where it was before the incident: one that has become
        familiar is not over for that.
        """
        a, change = self.arrays, np.zeros(len(rows), np.uint8)
        is_astir = (decades >= threshold - NOTICE) | (a["phase"][rows] != _CALM) | a["is_fault"][rows]
        astir = positions(is_astir)  # nothing is counted of those that are calm and show nothing
        if len(astir):
            change[astir] = self._move(
                rows[astir], observed_at[astir], decades[astir], threshold[astir], is_outside[astir]
            )
        return change

    def _move(self, at: Ints, observed_at: Ints, decades: Floats, threshold: Floats, is_outside: Mask) -> Changes:
        """The same for those that are not calm, or will not be."""
        a = self.arrays
        phase, told = a["phase"][at], a["told"][at]
        fed = decades >= threshold - np.where(phase == _OPEN, _HYSTERESIS, NOTICE)
        fed = fed | (is_outside & (phase == _OPEN))
        quiet = np.where(fed, 0.0, a["quiet"][at] + 1.0)
        is_over = (phase != _CALM) & (quiet >= np.where(phase == _SETTLING, _SETTLED, _QUIET))
        is_rarer = decades >= np.maximum(told + _ESCALATE, threshold)
        opens = ((decades >= threshold) & (phase <= _WATCHED)) | (is_rarer & (phase == _SETTLING))
        escalates = is_rarer & (phase == _OPEN)
        notices = fed & (phase == _CALM) & ~opens
        since, away = a["since"][at] + 1.0, np.where(is_outside, a["away"][at] + 1.0, 0.0)
        has_lasted = fed & ((away >= _LEVEL_FORGETS) | (since >= _EVIDENCE_FORGETS))
        has_lasted &= observed_at - a["opened_at"][at] >= self._adopt_after
        adopted = (phase == _OPEN) & has_lasted & ~a["is_fault"][at]
        told = np.where(phase == _SETTLING, np.maximum(told, decades), told)  # what only grows is not told again
        change, ends = np.zeros(len(at), np.uint8), is_over & (phase == _OPEN)
        for which, what in zip((notices, escalates, adopted, ends, opens), _CHANGES, strict=True):
            change[which] = what
        for which, where in zip((notices, adopted, is_over, opens), _PHASES, strict=True):
            phase[which] = where
        a["phase"][at] = phase
        a["quiet"][at] = quiet
        a["told"][at] = np.where(phase == _CALM, 0.0, np.where(opens | escalates, decades, told))
        a["opened_at"][at] = np.where(opens, observed_at, a["opened_at"][at])
        a["since"][at] = np.where(opens, 0.0, since)
        a["away"][at] = np.where(opens, 0.0, away)
        a["is_fine"][at] &= ~opens
        a["is_fault"][at] &= phase == _OPEN
        return change

    def judge(self, rows: Ints, verdict: Verdict) -> Changes:
        """Take a person's word on the latest incidents of `rows`; returns the `Change` of each.

        A fault that had been adopted opens again with the next reading that shows it.
        """
        a, is_open = self.arrays, self.is_open(rows)
        if verdict is Verdict.FAULT:
            on_trial = self.is_on_trial(rows)
            a["phase"][rows[on_trial & ~is_open]] = Phase.CALM
            a["is_fault"][rows] = on_trial
            a["opened"][rows] = np.maximum(a["opened"][rows] - 1.0, 0.0)  # that one was no false alarm
            return np.zeros(len(rows), np.uint8)
        a["phase"][rows[is_open]] = Phase.SETTLING
        a["is_fault"][rows] = False
        a["is_fine"][rows] = verdict is Verdict.FALSE_ALARM
        change = Change.ADOPTED if verdict is Verdict.NEW_NORMAL else Change.CLOSED
        return np.where(is_open, change, Change.NONE).astype(np.uint8)
