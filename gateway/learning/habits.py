"""What is usual of a state, a door or a mode: which there are, how long each lasts, when in the week it changes.

And what is usual of events, of a button or a doorbell: which there are, and when in the week they come.

A stream that rests in one state most of the time is *stirred* when it leaves it, and each event is a stir. How often
that is, is learned by the hour of the local day, of workdays and of weekends apart (a Gamma-Poisson rate with
forgetting). From it follow the stir that nobody expected, by the hours of the week that are as quiet as its own, and
the one that did not come: a rest is measured by the stirs that usually come meanwhile, so that a night is short. How
long other states last is measured in seconds. Both are judged under their own past, by `Tails`. What comes every day
is missed by `Record`.

A state is rare by the time that usually passes until a state comes that was seen no more often than it. One that was
never seen counts like those that were seen once, which says how many are still to come (Good and Turing's estimate).
"""

from typing import NamedTuple

import numpy as np

from gateway.learning.calendar import DAY_S, WEEK_S, Almanac
from gateway.learning.record import Burst, Record
from gateway.learning.rows import positions, summed
from gateway.learning.sparse import Sparse
from gateway.records import SECOND, Floats, Ints, Mask

STATES = 16
"""States of a stream that are told apart, by their values in the order in which they came; further ones count as the
last."""

LENGTHS = 7
"""Of so many states how long each lasts is judged by itself; of the others together. With `REST` they take the place of
the statistics that are in the sensor's own unit."""

REST = LENGTHS
"""The statistic of the resting state, after one of each state."""

GRAIN = 0.3
"""The least that the statistics tell apart: a third more time."""

_NOBODY = 255  # the state of a stream of which nothing is known
_HOURS = 24
_WORKDAYS, _WEEKEND = 5, 2
_DAYS = np.array([_WORKDAYS, _WEEKEND], np.float64)[:, None, None]
_MEMORY_DAYS = 42.0  # of stirs
_DOUBT_DAYS = 3.0  # so much of all days counts for the workdays and for the weekends, too
_NEVER = 0.02  # stirs that each hour counts as having seen; with this, a first one at night is told after two weeks
_KNOWN_DAYS = 10.0  # before an hour is called quiet: a weekend, and then some
_UNSEEN = 0.1  # states beyond those seen once that are still to come; with this, a new one is told after two weeks


class Stay(NamedTuple):
    """In which state some streams were until a moment, and for how long.

    The moment is `at` (ns) and `local_s` in its local week. `stirs` are those that a rest would usually have had by
    then, NaN of other states; `quiet_s` are the seconds that usually pass between two stirs at hours at most as busy,
    0 where there is no stir or too little is known. `next` is the state from then on, `visits` how often it was seen
    before, `rare_s` the seconds that usually pass until one comes that was seen no more often, 0 where none has come.
    Of what tells events (`is_event`) each is a state in which no time is spent; `burst` is how many came in a row.
    """

    at: Ints
    local_s: Ints
    state: Ints
    lasted_s: Floats
    stirs: Floats
    quiet_s: Floats
    is_over: Mask
    next: Ints
    visits: Floats
    rare_s: Floats
    is_event: Mask
    burst: Burst

    def statistics(self, count: int) -> Floats:
        """For `Tails`, `count` in all: how long the state lasts that each is in, NaN for all others."""
        found, is_rest = np.full((count, len(self.state)), np.nan), ~np.isnan(self.stirs)
        length = np.where(is_rest, GRAIN * self.stirs, np.log(np.maximum(self.lasted_s, 1.0)))
        known = positions((self.state != _NOBODY) & ~self.is_event)
        found[np.where(is_rest, REST, np.minimum(self.state, LENGTHS - 1))[known], known] = length[known]
        return found


class Habits(Sparse):
    """Of every stream its state, since when (ns), and when in the week it was stirred.

    And the value of each of its states, how often it was left, and the time spent in it.

    Times are those of the device's clock, which is `behind` the gateway's.
    """

    def __init__(self, almanac: Almanac) -> None:
        self._almanac, self.record = almanac, Record(almanac)
        super().__init__(
            {
                "state": ((), np.uint8, _NOBODY),
                "since": ((), np.int64, 0),
                "born_at": ((), np.int64, 0),
                "behind": ((), np.int64, 0),
                "values": ((STATES,), np.float64, np.inf),
                "visits": ((STATES,), np.float32, 0.0),
                "spent_s": ((STATES,), np.float32, 0.0),
                "stirred_at": ((), np.int64, 0),
                "stirs": ((2 * _HOURS,), np.float32, 0.0),
            }
        )

    def sit(self, rows: Ints) -> None:
        """From now on each of `rows` has a column here and in the record."""
        super().sit(rows)
        self.record.sit(rows)

    def find(self, rows: Ints, value: Floats) -> Ints:
        """The state that a value of each of `rows` stands for; the next free one where it is new."""
        values = self.arrays["values"][:, self.seats(rows)]
        is_it = values == value
        free = np.minimum(STATES - np.isinf(values).sum(axis=0), STATES - 1)
        return np.asarray(np.where(is_it.any(axis=0), np.argmax(is_it, axis=0), free))

    def stay(self, rows: Ints, shown: tuple[Ints, Floats], at: Ints, since: Ints, is_event: Mask) -> Stay:
        """How long each of `rows` has been in its state at a moment, from which on it is in that which is `shown`.

        That is a state, and the value that stands for it: what is beyond the states that are known apart shares one.
        """
        a, before, seats = self.arrays, self.state(rows), self.seats(rows)
        state, value = shown
        local_s = self._almanac.local_s(at)
        is_over = (before != _NOBODY) & (is_event | (before != state) | (self.value(rows) != value))
        is_rest = is_event | (before == np.argmax(a["spent_s"][:, seats], axis=0))
        rate = self._rate(seats, at)
        is_known = (at - a["born_at"][seats]) / SECOND >= _KNOWN_DAYS * DAY_S
        stirs = np.where(is_rest, self._usual(rate, self._almanac.local_s(since), local_s), np.nan)
        quiet_s = np.where(is_over & is_rest & is_known, _quiet_s(rate, self._bins(local_s)), 0.0)
        lasted_s = np.maximum(at - since, 0) / SECOND
        visits, rare_s = self._rarity(seats, state, lasted_s)
        rare_s = np.where(is_over & is_known, rare_s, 0.0)
        burst = self._burst(rows, at, is_event, is_known & is_over)
        return Stay(at, local_s, before, lasted_s, stirs, quiet_s, is_over, state, visits, rare_s, is_event, burst)

    def _burst(self, rows: Ints, at: Ints, is_event: Mask, is_judged: Mask) -> Burst:
        """How many events came in a row; nothing of what is a state."""
        found, places = Burst(*np.zeros((3, len(rows)))), positions(is_event)
        if len(places):
            lived_s = self.arrays["spent_s"][:, self.seats(rows[places])].sum(axis=0, dtype=np.float64)
            said = self.record.burst(rows[places], at[places], lived_s)
            for column, of in zip(found, said, strict=True):
                column[places] = of
        return found._replace(period_s=np.where(is_judged, found.period_s, 0.0))

    def gaps(self, rows: Ints, at: Ints, since: Ints) -> tuple[Floats, Floats]:
        """How long it usually takes until nothing stirs each of `rows` for so long, 0 if it is nothing.

        And on how many days something had come by this time of the day.
        """
        return self.record.gap(rows, self._almanac.local_s(at), np.maximum(at - since, 0) / SECOND)

    def due(self, rows: Ints, at: int) -> Mask:
        """Which of `rows` are to be attended to at this moment by the gateway's clock, every half hour; once."""
        self.sit(rows)
        return self.record.is_due(rows, at // SECOND)

    def attend(self, rows: Ints, at: Ints, is_doubtful: Mask) -> None:
        """Somebody listens at this moment; `is_doubtful` is of what no day is to be learned now."""
        self.record.attend(rows, self._almanac.local_s(at), is_doubtful)

    def _rarity(self, seats: Ints, state: Ints, lasted_s: Floats) -> tuple[Floats, Floats]:
        """How often `state` was seen, and how long it usually takes until one comes that was seen no more often."""
        all_visits = self.arrays["visits"][:, seats].astype(np.float64)
        visits = all_visits[np.minimum(state, STATES - 1), np.arange(len(seats))]
        lesser = np.where(all_visits <= np.maximum(visits, 1.0), all_visits, 0.0).sum(axis=0)
        lived_s = self.arrays["spent_s"][:, seats].sum(axis=0, dtype=np.float64) + lasted_s
        return visits, lived_s / (lesser + _UNSEEN)

    def resume(self, at: int, leap: int, ours: Ints) -> None:
        """Our clock, which dates the streams `ours`, reads `at`, set by `leap` ns; what was before it is not known."""
        a, known = self.arrays, self.seated()
        known = known[self.state(known) != _NOBODY]
        a["behind"][self.seats(np.setdiff1d(known, ours))] += leap
        a["since"][self.seats(known)] = at - self.behind(known)
        self.record.doubt(known)
        self.attend(known, self.since(known), np.ones(len(known), np.bool_))

    def state(self, rows: Ints) -> Ints:
        """The state each of `rows` is in."""
        return np.asarray(self.arrays["state"][self.seats(rows)].astype(np.int64))

    def since(self, rows: Ints) -> Ints:
        """Since when (ns) each of `rows` is in its state."""
        return np.asarray(self.arrays["since"][self.seats(rows)])

    def behind(self, rows: Ints) -> Ints:
        """How far (ns) the clock of each of `rows` is behind the gateway's."""
        return np.asarray(self.arrays["behind"][self.seats(rows)])

    def value(self, rows: Ints) -> Floats:
        """What stands for the state that each of `rows` is in."""
        return np.asarray(self.arrays["values"][np.minimum(self.state(rows), STATES - 1), self.seats(rows)])

    def learn(self, rows: Ints, value: Floats, stay: Stay, received_at: Ints) -> None:
        """Each of `rows` shows a value from this moment on, which is `received_at` by the gateway's clock."""
        a, state, seats = self.arrays, stay.next, self.seats(rows)
        a["values"][state, seats] = value
        is_new = stay.state == _NOBODY
        a["born_at"][seats] = np.where(is_new, stay.at, a["born_at"][seats])
        a["since"][seats] = np.where(is_new | stay.is_over, stay.at, a["since"][seats])
        a["state"][seats], a["behind"][seats] = state, received_at - stay.at
        over = positions(stay.is_over)
        if len(over):
            seat, fading = seats[over], np.exp(-stay.lasted_s[over] / (_MEMORY_DAYS * DAY_S))
            visited = np.where(stay.is_event, stay.next, stay.state)[over]
            for name, of, more in (("spent_s", stay.state[over], stay.lasted_s[over]), ("visits", visited, 1.0)):
                a[name][:, seat] *= fading.astype(np.float32)
                a[name][of, seat] += np.asarray(more, np.float32)
        stirred = positions(stay.is_over & ~np.isnan(stay.stirs))
        if len(stirred):
            seat = seats[stirred]
            kind, hour = self._bins(stay.local_s[stirred])
            a["stirs"][:, seat] *= self._fading(seat, stay.at[stirred]).astype(np.float32)
            a["stirs"][kind * _HOURS + hour, seat] += np.float32(1.0)
            a["stirred_at"][seat] = stay.at[stirred]
            self.record.learn(rows[stirred], stay.at[stirred], stay.local_s[stirred])

    def _fading(self, seats: Ints, at: Ints) -> Floats:
        """What is left of the stirs in each of these columns."""
        since_s = np.maximum(at - self.arrays["stirred_at"][seats], 0) / SECOND
        return np.asarray(np.exp(-since_s / (_MEMORY_DAYS * DAY_S)))

    def _rate(self, seats: Ints, at: Ints) -> Floats:
        """How often each of these columns is stirred in each hour: (workday or weekend, hour, column)."""
        count = self.arrays["stirs"][:, seats].astype(np.float64) * self._fading(seats, at)
        count = count.reshape(2, _HOURS, len(seats))
        count = 0.5 * count + 0.25 * (np.roll(count, 1, axis=1) + np.roll(count, -1, axis=1))
        age_days = np.maximum((at - self.arrays["born_at"][seats]) / SECOND / DAY_S, 1.0)
        days = _MEMORY_DAYS * (1.0 - np.exp(-age_days / _MEMORY_DAYS))
        either = (count[0] + count[1] + _NEVER) / days
        return np.asarray((count + _DOUBT_DAYS * either) / (days * _DAYS / 7.0 + _DOUBT_DAYS))

    def _bins(self, local_s: Ints) -> tuple[Ints, Ints]:
        """Workday (0) or weekend (1), and the hour."""
        return self._almanac.is_weekend(local_s // DAY_S).astype(np.int64), local_s % DAY_S // 3600

    def _usual(self, rate: Floats, since_s: Ints, now_s: Ints) -> Floats:
        """How many stirs usually come between two moments."""
        total, column = np.cumsum(rate, axis=1), np.arange(rate.shape[2])

        def in_day(local_s: Ints) -> Floats:
            kind, hour = self._bins(local_s)
            left = 1.0 - local_s % 3600 / 3600.0
            return np.asarray(total[kind, hour, column] - left * rate[kind, hour, column])

        since, now = since_s // DAY_S, now_s // DAY_S
        weekend = self._almanac.weekend_days(now) - self._almanac.weekend_days(since)
        whole = (now - since - weekend) * total[0, -1] + weekend * total[1, -1]
        return np.asarray(np.maximum(whole + in_day(now_s) - in_day(since_s), 0.0))


def _quiet_s(rate: Floats, bins: tuple[Ints, Ints]) -> Floats:
    """The seconds that usually pass between two stirs at hours at most as busy as this."""
    kind, hour = bins
    mine = rate[kind, hour, np.arange(len(hour))]
    quiet = np.where(rate <= mine, rate * _DAYS, 0.0).reshape(2 * _HOURS, len(hour))
    return np.asarray(WEEK_S / summed(quiet))
