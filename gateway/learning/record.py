"""What happened when in the last weeks: by the half hour of the local day, and how often in a row.

Of most things that people do the question is whether they do them every day, and by when. `Record` remembers of each
half hour of four weeks whether anything happened in it. How long ago the last thing was is compared with how long ago
it was at the same time of those days: all of them, and those that are workdays, or not, as today is; the one that says
more counts. A gap is no longer than all before it by chance as often as Good and Turing's estimate says, and by how
much as Bayes says of an exponential tail of which so many are known (a Lomax distribution; Gelman et al., "Bayesian
Data Analysis", 2.8), on the logarithm: gaps of what happens irregularly are spread over decades.

How many come in a row is geometric, of a share that is learned with a Beta prior.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.learning.calendar import DAY_S
from gateway.learning.sparse import Sparse
from gateway.records import SECOND, Floats, Ints

DAYS = 28
SLOT_S = 1800
_SLOTS = DAY_S // SLOT_S
_BYTES = _SLOTS // 8
_GRACE = 2  # slots: what came later than ever by less than half an hour is not missing
_LEAST_GAPS = 8  # before gaps say anything: a button that is pushed once a week has no habit in four
_UNSEEN = 0.1  # gaps that are still to come; with this, the first missing one is told after two weeks
_GRAIN = 0.3  # the least that gaps differ by: a third more time
_WORKDAYS = 5

_IN_A_ROW_S = 600.0  # between two that belong together
_LEAST_BURST = 5.0  # what is less is none, however seldom
_PRIOR = 1.0
_MEMORY_S = 42.0 * DAY_S

Mask = npt.NDArray[np.bool_]


class Burst(NamedTuple):
    """How many have come in a row with this one, how many usually do, and the seconds until as many come again."""

    length: Floats
    usual: Floats
    period_s: Floats


class Record(Sparse):
    """Of every stream the half hours of the last `DAYS` days in which something happened, and its bursts.

    `day` is the newest of them, `is_heard` are those of which it is known that nothing else happened.
    """

    def __init__(self) -> None:
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
        period_s = np.where(count >= _LEAST_BURST, lived_s / (bursts + 1.0) * np.exp(rarity), 0.0)
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
        rows, day, slot = self.seats(rows), local_s // DAY_S, local_s % DAY_S // SLOT_S - _GRACE
        latest = self._latest(rows, day, slot)  # of today, yesterday and so on
        whole_s = lasted_s - local_s % SLOT_S - (_GRACE - 1) * SLOT_S
        now = np.log(np.maximum(whole_s, 1.0) / SLOT_S)
        ago = np.arange(1, DAYS - 1)
        age = (_SLOTS * (DAYS - 1 - ago) + slot[:, None]) - latest[:, 1:] + 0.5
        is_known = self.arrays["is_heard"][(day[:, None] - ago) % DAYS, rows[:, None]]
        is_known &= (latest[:, 1:] >= 0) & (latest[:, 1:] != latest[:, :1])
        is_weekend = (day[:, None] - np.arange(DAYS - 1)) % 7 >= _WORKDAYS
        alike = is_known & (is_weekend[:, 1:] == is_weekend[:, :1])
        said = [_exceeded(np.log(np.maximum(age, 0.5)), latest[:, 1:], each, now) for each in (is_known, alike)]
        is_better = said[1][0] > said[0][0]
        period, days = (np.where(is_better, other, one) for one, other in zip(*said, strict=True))
        return np.where(whole_s > 0.0, period * DAY_S, 0.0), days

    def _latest(self, rows: Ints, day: Ints, slot: Ints) -> Ints:
        """The place of the last slot with something in it at this slot of each day but the first, -1 for none."""
        places = (day[:, None] - np.arange(DAYS - 1, -1, -1)) % DAYS * _BYTES
        packed = self.arrays["slots"][places[:, :, None] + np.arange(_BYTES), rows[:, None, None]]
        is_in = np.unpackbits(packed.reshape(len(rows), -1), axis=1).astype(np.bool_)
        latest = np.maximum.accumulate(np.where(is_in, np.arange(DAYS * _SLOTS), -1), axis=1)
        then = _SLOTS * np.arange(DAYS - 1, 0, -1) + slot[:, None]
        return np.asarray(np.take_along_axis(latest, then, axis=1))


def _exceeded(age: Floats, latest: Ints, is_known: Mask, now: Floats) -> tuple[Floats, Floats]:
    """In how many days a gap comes that is as long as `now` (a logarithm), and how many days are known.

    `age` and `latest` are of each day at the same time, yesterday first; days with one `latest` are in one gap, of
    which the longest counts.
    """
    earlier = np.where(is_known, latest, np.iinfo(np.int64).max)
    earlier = np.minimum.accumulate(
        np.concatenate([np.full((len(age), 1), np.iinfo(np.int64).max), earlier], axis=1), 1
    )
    is_gap = is_known & (latest < earlier[:, :-1])
    days, gaps = is_known.sum(axis=1).astype(np.float64), is_gap.sum(axis=1)
    rising = np.sort(np.where(is_gap, age, np.inf), axis=1)
    middle = rising[np.arange(len(age)), gaps // 2]
    is_above = np.isfinite(rising) & (np.arange(rising.shape[1]) >= (gaps // 2)[:, None])
    count = np.maximum(gaps - gaps // 2, 1)
    edge = np.where(np.isfinite(middle), middle, 0.0)
    excess = np.where(is_above, rising - edge[:, None], 0.0)
    total = np.cumsum(np.where(is_above, excess, 0.0), axis=1)[:, -1] + _GRAIN
    beyond = count * np.log1p(np.maximum(now - edge, 0.0) / total)
    as_long = (is_gap & (age > now[:, None] - _GRAIN)).sum(axis=1)
    period = np.minimum(days / (as_long + _UNSEEN), days / count * np.exp(np.minimum(beyond, 50.0)))
    return np.where(gaps >= _LEAST_GAPS, period, 0.0), days


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
