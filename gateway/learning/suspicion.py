"""What speaks against a reading: evidence on values, habits of states, and how rare both are."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.learning.allowed import Allowed
from gateway.learning.calendar import Almanac
from gateway.learning.evidence import KINDS, Evidence, Memory, Statistic, Unit
from gateway.learning.habits import GRAIN, LENGTHS, REST, Habits, Stay
from gateway.learning.nature import Natured
from gateway.learning.peaks import Grid, Peaks
from gateway.learning.prospects import View
from gateway.learning.rows import positions
from gateway.learning.tails import Tails
from gateway.learning.weighing import TRAITS, weigh
from gateway.records import Floats, Ints, Kind, Mask

_KIND = np.array([KINDS[statistic] for statistic in Statistic], np.uint8)
_STATE_KIND = np.full(len(Statistic), Kind.STUCK, np.uint8)
_STATE_KIND[REST] = Kind.SILENT

_NEW_KIND = np.array([Kind.SPIKE, Kind.RANGE, Kind.SPREAD], np.uint8)
"""Of what comes at an hour that has none, what was hardly ever seen, and too much in a row."""

_LONGEST = 30.0  # logarithm of the seconds; no state lasts longer


class Case(NamedTuple):
    """What speaks against a reading of each of some streams, in decades of its return period in readings.

    `found` are the tails in which its `statistics` lie, `level` is the fast mean of the values and `memory` what is to
    be kept of them. `was_odd` is where the last reading is what is odd. `stay` says how those that are states stand,
    `is_over` is where one was left, and `is_strange` where one is shown that was never left before. `doubt` is how many
    decades more it were of a grown stream.
    `days` says of those on how many what is missing had come by now.
    """

    decades: Floats
    doubt: Floats
    kind: npt.NDArray[np.uint8]
    found: Peaks
    statistics: Floats
    level: Floats
    memory: Memory
    was_odd: Mask
    is_state: Mask
    is_over: Mask
    is_strange: Mask
    stay: Stay | None
    days: Floats


class Suspicion:
    """Statistics of every stream, their tails, what of them is fine, and the habits of those that are states."""

    def __init__(self, almanac: Almanac) -> None:
        self.evidence, self.tails = Evidence(), Tails(TRAITS, downwards=Statistic.IMPULSE)
        self.allowed, self.habits = Allowed(self.tails.sides), Habits(almanac)

    def renew(self, rows: Ints) -> None:
        """Let these streams be as at birth: they turned out to be something else."""
        for part in (self.evidence, self.tails, self.allowed, self.habits, self.habits.record):
            part.renew(rows)

    def judge(self, view: View, extent: tuple[Floats, Floats], youth: Floats, nature: Natured) -> Case:
        """What speaks against each reading by what was known before it.

        `extent` is the least change each of the streams has shown, and how far apart its values lie; `youth` is as
        `Patience` says it.
        """
        rows, is_state = view.rows, nature.is_habitual
        places = positions(is_state)
        statistics, memory, units = self.evidence.observe(view)
        grid = Grid(extent[0].copy(), extent[1], units)
        level, stay = statistics[Statistic.LEVEL].copy(), None
        is_over, is_strange = np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
        if len(places):
            self.habits.sit(rows[places])
            sitting, said = rows[places], view.said[places]
            shown = self.habits.find(sitting, said), said
            stay = self.habits.stay(
                sitting, shown, view.observed_at[places], self.habits.since(sitting), nature.is_event[places]
            )
            statistics[:, places] = stay.statistics(len(statistics))
            grid.step[places], grid.units[:, places] = GRAIN, 1.0
            is_over[places], is_strange[places] = stay.is_over, stay.visits == 0.0
        found = self.tails.exceed(rows, statistics, grid).as_they_are(is_state)
        found = found.everyday(Statistic.RUN, grid.has_two())  # it rests on one of two values
        is_unsure = is_state | (view.scale.is_counter & (view.value >= 0.0))
        decades, doubt, kind, was_odd = self._weigh(found, youth, is_unsure, is_state)
        if stay is not None:
            periods_s = np.stack([stay.quiet_s, stay.rare_s, stay.burst.period_s])
            worst, mine = np.argmax(periods_s, axis=0), np.arange(len(places))
            new = _decades(periods_s[worst, mine], view.interval_s[places], youth[0, places])
            kind[places] = np.where(stay.is_over, _NEW_KIND[worst], kind[places])
            decades[places] = np.where(stay.is_over, new, decades[places])  # what is over is past
            doubt[places] = np.where(stay.is_over, 0.0, doubt[places])
        return Case(
            decades,
            doubt,
            kind,
            found,
            statistics,
            level,
            memory,
            was_odd,
            is_state,
            is_over,
            is_strange,
            stay,
            np.zeros(len(places)),
        )

    def _weigh(
        self, found: Peaks, youth: Floats, is_unsure: Mask, is_state: Mask
    ) -> tuple[Floats, Floats, npt.NDArray[np.uint8], Mask]:
        rarity = self.tails.decades(found, self.allowed.of(found.side, found.row))
        if not is_state.any():
            decades, strongest, doubt = weigh(found, rarity, youth, is_unsure)
            return decades, doubt, _KIND[strongest], strongest == Statistic.IMPULSE
        is_brief = (found.side >= len(Statistic)) & is_state[found.place]
        decades, strongest, doubt = weigh(found, np.where(is_brief, 0.0, rarity), youth, is_unsure)
        kind = np.where(is_state, _STATE_KIND[strongest], _KIND[strongest])
        return decades, doubt, kind, ~is_state & (strongest == Statistic.IMPULSE)

    def lasting(  # noqa: PLR0913, PLR0917 - of each what it is and where it stands
        self, rows: Ints, at: Ints, since: Ints, aged: tuple[Floats, Floats], is_event: Mask, is_due: Mask
    ) -> Case:
        """What speaks against each of `rows`, all states or events, at a moment without a reading.

        `aged` is their youth and their usual interval in seconds; of those that are due it is asked what is missing.
        """
        shown = self.habits.state(rows), self.habits.value(rows)
        stay = self.habits.stay(rows, shown, at, since, is_event)
        is_state, (youth, interval_s) = np.ones(len(rows), np.bool_), aged
        statistics = stay.statistics(len(Statistic))
        grid = Grid(np.full(len(rows), GRAIN), np.zeros(len(rows)), np.ones((len(Unit), len(rows))))
        found = self.tails.exceed(rows, statistics, grid).as_they_are(is_state)
        decades, doubt, kind, never = self._weigh(found, youth, is_state, is_state)
        period_s, days = np.zeros(len(rows)), np.zeros(len(rows))
        if is_due.any():
            period_s[is_due], days[is_due] = self.habits.gaps(rows[is_due], at[is_due], since[is_due])
        missing = np.where(np.isnan(stay.stirs), 0.0, _decades(period_s, interval_s, youth[0]))
        kind = np.where(missing > decades, Kind.SILENT, kind)
        decades = np.maximum(decades, missing)
        return Case(
            decades, doubt, kind, found, statistics, np.zeros(len(rows)), {}, never, is_state, never, never, stay, days
        )

    def learn(self, view: View, case: Case, received_at: Ints) -> None:
        """Learn what was read; of a state, how long it lasted when it is over."""
        self.evidence.learn(view, case.memory)
        found = case.found
        if case.stay is not None:
            places, found = positions(case.is_state), found.but(case.is_state & ~case.is_over)
            self.habits.learn(view.rows[places], view.said[places], case.stay, received_at[places])
        self.tails.learn(view.at, found)

    def stands(self, rows: Ints, case: Case) -> tuple[Floats, Floats]:
        """How long (s) the state of each of `rows` lasted at most, or how often a rest usually ends; how long it is.

        In the place of the first, of one that has just begun: the one before, or how often it was seen if that is odd.
        Of a burst of events how many usually come in a row, and how many have; of missing ones the days they came on.
        """
        assert case.stay is not None  # noqa: S101 - they are states
        stay, tops = case.stay, self.tails.arrays["top"]
        longest = tops[np.minimum(stay.state, LENGTHS - 1), rows].astype(np.float64)
        longest = np.where(np.isfinite(longest), np.exp(np.minimum(longest, _LONGEST)), np.nan)
        usual = np.where(np.isnan(stay.stirs), longest, stay.stirs)
        instead = np.where(stay.rare_s > stay.quiet_s, stay.visits, self.habits.value(rows))
        is_burst = stay.burst.period_s > np.maximum(stay.rare_s, stay.quiet_s)
        instead = np.where(is_burst, stay.burst.usual, instead)
        usual = np.where(stay.is_event, case.days, usual)
        is_over = case.is_over[case.is_state]
        spent = np.where(is_over & is_burst, stay.burst.length, stay.lasted_s)
        return np.where(is_over, instead, usual), spent


def _decades(period_s: Floats, interval_s: Floats, youth: Floats) -> Floats:
    """The decades (of readings) of what comes once in so many seconds; 0 where there is nothing of it."""
    is_it = (period_s > 0.0) & (youth <= 0.0)
    return np.where(is_it, np.maximum(np.log10(np.where(is_it, period_s, 1.0) / interval_s), 0.0), 0.0)
