"""What happened when in the last weeks: by the half hour of the local day, and how often in a row.

Of most things that people do the question is whether they do them every day, and by when. `Record` remembers of each
half hour of four weeks whether anything happened in it. How long ago the last thing was is compared with how long ago
it was at the same time of those days. A gap is no longer than all before it by chance as often as Good and Turing's
estimate says, and by how much as Bayes says of an exponential tail of which so many are known (a Lomax distribution;
Gelman et al., "Bayesian Data Analysis", 2.8), on the logarithm: gaps of what happens irregularly are spread over
decades. Each gap of a day may be the one that is too long for its time, so both are divided by how many there are.

Whether workdays and weekends differ is not known either: what all days say and what those say that are workdays, or
not, as today is, count by how likely it is that a gap as long comes equally often on both (Hoeting et al., "Bayesian
Model Averaging: A Tutorial", 1999). To take the one that says more would be to ask twice.

How many come in a row is geometric, of a share that is learned with a Beta prior.
"""

import math
from typing import NamedTuple

import numpy as np

from gateway.learning.calendar import DAY_S, Almanac
from gateway.learning.sparse import Sparse
from gateway.records import SECOND, Floats, Ints, Mask

DAYS = 28
SLOT_S = 1800
_SLOTS = DAY_S // SLOT_S
_BYTES = _SLOTS // 8
_GRACE = 2  # slots: what came later than ever by less than half an hour is not missing
_LEAST_GAPS = 8  # before gaps say anything: a button that is pushed once a week has no habit in four
_UNSEEN = 0.1  # gaps that are still to come; with this, the first missing one is told after two weeks
_GRAIN = 0.3  # the least that gaps differ by: a third more time
_EVEN = 0.5  # as likely as not
_LOG_FACTORIAL = np.array([math.lgamma(count + 1.0) for count in range(DAYS)])

_IN_A_ROW_S = 600.0  # between two that belong together
_LEAST_BURST = 5.0  # what is less is none, however seldom
_RAREST = 46.0  # its logarithm; how much rarer than 1 in 10^20 a burst is, nobody can tell
_PRIOR = 1.0
_MEMORY_S = 42.0 * DAY_S


class Burst(NamedTuple):
    """How many have come in a row with this one, how many usually do, and the seconds until as many come again."""

    length: Floats
    usual: Floats
    period_s: Floats


class Past(NamedTuple):
    """For how long nothing had come at the same time of each day, yesterday first, in logarithms of half hours.

    Days with one `latest` are in one gap. `a_day` is how many gaps a day has, `longest` the longest at any time.
    """

    age: Floats
    latest: Ints
    a_day: Floats
    longest: Floats


class Odds(NamedTuple):
    """How many days are known, in how many gaps, `as_long` as one that lasts; on how many days one so long comes."""

    days: Floats
    gaps: Ints
    as_long: Ints
    rate: Floats


class Record(Sparse):
    """Of every stream the half hours of the last `DAYS` days in which something happened, and its bursts.

    `day` is the newest of them, `is_heard` are those of which it is known that nothing else happened.
    """

    def __init__(self, almanac: Almanac) -> None:
        self._almanac = almanac
        super().__init__(
            {
                "day": ((), np.int32, 0),
                "looked_at": ((), np.int32, 0),
                "is_heard": ((DAYS,), np.bool_, False),
                "slots": ((DAYS * _BYTES,), np.uint8, 0),
                "row_count": ((), np.float32, 0.0),
                "bursts": ((), np.float32, 0.0),
                "total": ((), np.float32, 0.0),
                "last_at": ((), np.int64, 0),
            }
        )

    def attend(self, rows: Ints, local_s: Ints, is_doubtful: Mask) -> None:
        """Somebody listens at this moment; what is `is_doubtful` does not count as a day on which nothing happened."""
        seats = self.seats(rows)
        self._roll(seats, local_s // DAY_S)
        today = local_s[is_doubtful] // DAY_S % DAYS
        self.arrays["is_heard"][today, seats[is_doubtful]] = False

    def doubt(self, rows: Ints) -> None:
        """Nobody listened for a while, on the newest day of each of `rows`."""
        seats = self.seats(rows)
        self.arrays["is_heard"][self.arrays["day"][seats] % DAYS, seats] = False

    def _roll(self, seats: Ints, day: Ints) -> None:
        """Begin a new day where it is one; of days that nobody saw pass nothing is known."""
        a, before = self.arrays, self.arrays["day"][seats].astype(np.int64)
        is_new = (day > before) | (day < before - 1)  # or the clock was set back
        if not is_new.any():
            return
        seats, day = seats[is_new], day[is_new]
        passed = np.where(day > before[is_new], np.minimum(day - before[is_new], DAYS), DAYS)
        for ago in range(int(passed.max())):
            at, is_passed = (day - ago) % DAYS, passed > ago
            a["is_heard"][at[is_passed], seats[is_passed]] = ago == 0
            for byte in range(_BYTES):
                a["slots"][(at * _BYTES + byte)[is_passed], seats[is_passed]] = 0
        a["day"][seats] = day

    def learn(self, rows: Ints, at: Ints, local_s: Ints) -> None:
        """Something happened at this moment."""
        a, slot, seats = self.arrays, local_s % DAY_S // SLOT_S, self.seats(rows)
        self._roll(seats, local_s // DAY_S)
        place = local_s // DAY_S % DAYS * _BYTES + slot // 8
        a["slots"][place, seats] |= (128 >> slot % 8).astype(np.uint8)
        count, is_first = a["row_count"][seats].astype(np.float64), ~self._is_in_a_row(seats, at)
        usual = a["total"][seats] / np.maximum(a["bursts"][seats], 1.0)
        fading = np.where(is_first, np.exp(-np.maximum(at - a["last_at"][seats], 0) / SECOND / _MEMORY_S), 1.0)
        believed = np.minimum(count, 2.0 * usual + _LEAST_BURST)  # one that was never seen so has bounded influence
        a["bursts"][seats] = fading * (a["bursts"][seats] + (is_first & (count > 0.0)))
        a["total"][seats] = fading * (a["total"][seats] + np.where(is_first, believed, 0.0))
        a["row_count"][seats], a["last_at"][seats] = np.where(is_first, 0.0, count) + 1.0, at

    def _is_in_a_row(self, seats: Ints, at: Ints) -> Mask:
        return np.asarray((at - self.arrays["last_at"][seats]) / SECOND <= _IN_A_ROW_S)

    def burst(self, rows: Ints, at: Ints, lived_s: Floats) -> Burst:
        """What is to be said of one more at this moment, of streams that were heard for so long."""
        a, seats = self.arrays, self.seats(rows)
        count = np.where(self._is_in_a_row(seats, at), a["row_count"][seats], 0.0) + 1.0
        bursts, total = a["bursts"][seats].astype(np.float64), a["total"][seats].astype(np.float64)
        rarity = [_rarity(*each) for each in zip(count.tolist(), bursts.tolist(), total.tolist(), strict=True)]
        often = np.exp(np.minimum(rarity, _RAREST))
        period_s = np.where(count >= _LEAST_BURST, lived_s / (bursts + 1.0) * often, 0.0)
        return Burst(count, total / np.maximum(bursts, 1.0), period_s)

    def is_due(self, rows: Ints, at_s: int) -> Mask:
        """Whether another half hour has begun since this was asked last: gaps are not looked at more often."""
        slot, seats, looked_at = at_s // SLOT_S, self.seats(rows), self.arrays["looked_at"]
        is_it = np.asarray(looked_at[seats] != slot)
        looked_at[seats[is_it]] = slot
        return is_it

    def gap(self, rows: Ints, local_s: Ints, lasted_s: Floats) -> tuple[Floats, Floats]:
        """How long it usually takes (s) until nothing happens for so long at this time of the day, 0 if it is nothing.

        And on how many days something had come by then. `local_s` is now, since which nothing came for `lasted_s`.
        """
        seats, day, slot = self.seats(rows), local_s // DAY_S, local_s % DAY_S // SLOT_S - _GRACE
        is_heard = self.arrays["is_heard"][(day[:, None] - np.arange(1, DAYS)) % DAYS, seats[:, None]]
        past, is_known = _past(self._is_in(seats, day), is_heard, slot)
        whole_s = lasted_s - local_s % SLOT_S - _GRACE * SLOT_S
        now = np.log(np.maximum(whole_s, 1.0) / SLOT_S)
        is_weekend = self._almanac.is_weekend(day[:, None] - np.arange(DAYS - 1))
        every = _exceeded(past, is_known, now)
        alike = _exceeded(past, is_known & (is_weekend[:, 1:] == is_weekend[:, :1]), now)
        same = np.where(alike.gaps >= _LEAST_GAPS, _same(every, alike), 1.0)
        period_s = DAY_S / (same * every.rate + (1.0 - same) * alike.rate)
        is_it = (whole_s > 0.0) & (every.gaps >= _LEAST_GAPS)
        return np.where(is_it, period_s, 0.0), np.where(same >= _EVEN, every.days, alike.days)

    def _is_in(self, seats: Ints, day: Ints) -> Mask:
        """Whether something came in each half hour of the days until this one, the first of them first."""
        places = (day[:, None] - np.arange(DAYS - 1, -1, -1)) % DAYS * _BYTES
        packed = self.arrays["slots"][places[:, :, None] + np.arange(_BYTES), seats[:, None, None]]
        return np.unpackbits(packed.reshape(len(seats), -1), axis=1).astype(np.bool_)


def _past(is_in: Mask, is_heard: Mask, slot: Ints) -> tuple[Past, Mask]:
    """How it was at this half hour of each day, and of which days that is known; `is_heard` is of yesterday first."""
    places = np.arange(DAYS * _SLOTS)
    came = np.maximum.accumulate(np.where(is_in, places, -1), axis=1)
    then = _SLOTS * np.arange(DAYS - 1, 0, -1) + slot[:, None]
    latest = np.take_along_axis(came, then, axis=1)
    is_known = is_heard[:, :-1] & (latest[:, 1:] >= 0) & (latest[:, 1:] != latest[:, :1])

    lasted = np.zeros(is_in.shape, np.int64)
    lasted[:, 1:] = np.where(is_in[:, 1:] & (came[:, :-1] >= 0), places[1:] - came[:, :-1], 0)
    ended = (lasted > 1).reshape(-1, DAYS, _SLOTS).sum(axis=2)[:, -2::-1] * is_heard
    a_day = np.maximum(ended.sum(axis=1) / np.maximum(is_heard.sum(axis=1), 1), 1.0)
    longest = np.log(np.maximum(lasted.max(axis=1) - 0.5, 0.5))
    return Past(np.log(np.maximum(then - latest + 0.5, 0.5))[:, 1:], latest[:, 1:], a_day, longest), is_known


def _exceeded(past: Past, is_known: Mask, now: Floats) -> Odds:
    """How often a gap comes that is as long as `now` (a logarithm), by these days; of each gap the longest counts."""
    nothing = np.full((len(now), 1), np.iinfo(np.int64).max)
    earlier = np.concatenate([nothing, np.where(is_known, past.latest, nothing)], axis=1)
    is_gap = is_known & (past.latest < np.minimum.accumulate(earlier, axis=1)[:, :-1])
    days, gaps = np.maximum(is_known.sum(axis=1), 1).astype(np.float64), is_gap.sum(axis=1)
    as_long = (is_gap & (past.age > now[:, None] - _GRAIN)).sum(axis=1)
    is_longest = past.longest < now - _GRAIN  # at any time of the day: there is but one such gap
    counted = (as_long + _UNSEEN) * np.where(is_longest, 1.0, past.a_day)
    return Odds(days, gaps, as_long, np.maximum(counted, past.a_day * _tail(past.age, is_gap, now)) / days)


def _tail(age: Floats, is_gap: Mask, now: Floats) -> Floats:
    """How many of these gaps are as long as `now`, by the tail of those above their median."""
    gaps = is_gap.sum(axis=1)
    rising = np.sort(np.where(is_gap, age, np.inf), axis=1)
    middle = rising[np.arange(len(age)), gaps // 2]
    is_above = np.isfinite(rising) & (np.arange(rising.shape[1]) >= (gaps // 2)[:, None])
    count = np.maximum(gaps - gaps // 2, 1)
    edge = np.where(np.isfinite(middle), middle, 0.0)
    excess = np.where(is_above, np.where(is_above, rising, 0.0) - edge[:, None], 0.0)
    total = np.cumsum(excess, axis=1)[:, -1] + _GRAIN
    return np.asarray(count * np.exp(-count * np.log1p(np.maximum(now - edge, 0.0) / total)))


def _same(every: Odds, alike: Odds) -> Floats:
    """How likely it is that gaps are as long equally often on the days that are alike and on the others.

    Each share with a uniform prior, and as likely as not before anything is known.
    """
    others, as_long = every.gaps - alike.gaps, every.as_long - alike.as_long
    one = _log_beta(every.as_long, every.gaps)
    two = _log_beta(alike.as_long, alike.gaps) + _log_beta(as_long, np.maximum(others, as_long))
    return np.asarray(1.0 / (1.0 + np.exp(two - one)))


def _log_beta(hits: Ints, count: Ints) -> Floats:
    """The logarithm of how likely just these hits are among so many, whatever their share."""
    return np.asarray(_LOG_FACTORIAL[hits] + _LOG_FACTORIAL[count - hits] - _LOG_FACTORIAL[count + 1])


def _rarity(count: float, bursts: float, total: float) -> float:
    """The logarithm of one in how many bursts is as long as this, of so many with `total` in all."""
    ends, goes_on = bursts + 1.0, max(total - bursts, 0.0) + _PRIOR
    more = count - 1.0
    return (
        math.lgamma(goes_on)
        - math.lgamma(goes_on + more)
        + math.lgamma(ends + goes_on + more)
        - math.lgamma(ends + goes_on)
    )
