"""How rare something must be before it is told: the false-alarm budget, and more while a stream is young."""

import numpy as np
import numpy.typing as npt

from gateway.learning.calendar import DAY_S, WEEK_S, Almanac
from gateway.learning.gate import Gate
from gateway.learning.nature import Natured
from gateway.learning.peaks import LEAST_DECADES
from gateway.learning.prospects import Prospects
from gateway.learning.rows import Places, positions
from gateway.records import SECOND, Floats, Ints

_TRIALS = 2.0
"""Twenty-one correlated tails are watched at once, so the return period asked for is this many times the budget. Set on
21 kinds of simulated healthy streams together with the strictness of `Gate`; `bench_clean.py` says what comes of it."""

_QUESTIONS = 4.0
"""The same of states and events: their lengths, hours, rarity, rows and absence are asked for."""

WARM_UP = 200.0
"""Readings of a value before anything is said; the extremes are not filled before."""

_VISITS = 40.0  # the same of a state; by the time, it has to grow up like all
_EVENTS = 10.0  # the same of events, of which a day may have one
_YOUTH_S = 2.0 * DAY_S
_WEEK = WEEK_S * SECOND  # has two days of a weekend in it
_DAY = DAY_S * SECOND

YOUTH_HANDICAP = 4.0
"""Decades that everything but one odd reading and a stuck value is less believed at birth, fading over two days: what
was never seen before may be the first evening. And so on the first weekend, where half of what a fleet of simulated
devices was told in its third to tenth day lay."""


def youth(almanac: Almanac, born_at: Ints, at: Ints) -> Floats:
    """How young what was born then (ns) is: 1 at birth, 0 when it has lived two days like this one.

    Two workdays or, on one of a weekend, two of these.
    """
    found, recent = np.zeros(len(at)), positions(at - born_at < _WEEK)
    if len(recent):
        lived_s = almanac.alike_s(born_at[recent], at[recent])
        found[recent] = np.maximum(1.0 - lived_s / _YOUTH_S, 0.0)
    return found


class Patience:
    """What the streams of `prospects` and of `gate` are given before they are told of."""

    def __init__(self, almanac: Almanac, prospects: Prospects, gate: Gate) -> None:
        self._almanac, self._prospects, self._gate = almanac, prospects, gate

    def youth(self, at: Places, observed_at: Ints, nature: Natured) -> Floats:
        """How young each of these is, and of how many days it knows the hours, infinite of states: (2, row)."""
        born_at = self._prospects.clock.arrays["born_at"][at]
        days = np.where(nature.is_habitual, np.inf, (observed_at - born_at) / _DAY)
        return np.array([youth(self._almanac, born_at, observed_at), days])

    def is_young(self, at: Places, nature: Natured) -> npt.NDArray[np.bool_]:
        """Whether nothing is said of each of these, since too little was seen of it."""
        enough = np.where(nature.is_event, _EVENTS, np.where(nature.is_habitual, _VISITS, WARM_UP))
        return np.asarray(self._prospects.seen(at) < enough - 1.0)

    def threshold(self, at: Places, interval_s: Floats, budget_s: Floats, nature: Natured) -> Floats:
        """log10 of the return period, in readings, that spends exactly the budget; infinite patience while young."""
        trials = np.where(nature.is_habitual, _QUESTIONS, _TRIALS)
        needed = np.log10(trials * budget_s / interval_s)
        needed = needed + self._gate.arrays["strictness"][at]
        return np.where(self.is_young(at, nature), 1e6, np.maximum(needed, LEAST_DECADES))
