"""What all evidence on a reading says together, in decades of its return period."""

import numpy as np

from gateway.learning.evidence import Statistic
from gateway.learning.nature import Mask
from gateway.learning.tails import Peaks
from gateway.records import Floats, Ints

_SECOND_OPINION = 0.2  # weight of the next strongest group of evidence; 0 costs 1 point on NAB, 0.5 is the same
_YOUTH_HANDICAP = 4.0
"""Decades that everything but one odd reading and a stuck value is less believed at birth, fading over two days: what
was never seen before may be the first evening."""

_BURSTS = 50.0
"""The same for states, and for the rate at which a counter rises: it does so in bursts, and the first kettle is no
fault. Seven of eight simulated meters were told for it on their first morning."""

_BORN_WITH = (Statistic.RESIDUAL, Statistic.RUN)
_GROUPS = (Statistic.RESIDUAL, Statistic.LEVEL, Statistic.WEEKLY, Statistic.SPREAD, Statistic.RUN)
"""The first of each group of statistics that mean the same."""

_HANDICAP = np.zeros(len(Statistic))
_HANDICAP[Statistic.RUN] = 0.8  # decades; stuck may wait, so it gets a smaller share of the budget

_GROWS_UP = np.full(len(Statistic), _YOUTH_HANDICAP)
_GROWS_UP[list(_BORN_WITH)] = 0.0

LEAST_EXCESS = np.zeros(len(Statistic))
"""For `Tails`: a prior mean excess of those statistics that may have shown no range."""
LEAST_EXCESS[Statistic.RUN] = 10.0  # readings; a sensor that never repeated itself is stuck after about a dozen

IS_READING = np.zeros(len(Statistic), np.bool_)
"""For `Tails`: which statistics are a value as it was read."""
IS_READING[[Statistic.LOWEST_SHORT, Statistic.LOWEST, Statistic.HIGHEST]] = True


def weigh(found: Peaks, decades: Floats, youth: Floats, is_unsure: Mask) -> tuple[Floats, Ints, Floats]:
    """The decades of each reading of a round, the `Statistic` that says most, and the decades that youth takes.

    `decades` are those of each peak; `youth` is, per reading, 1 at the birth of its stream and 0 when it is grown up;
    `is_unsure` says that it is a state, or the rate of a counter.
    """
    statistic = found.side % len(Statistic)
    decades = decades - _HANDICAP[statistic]
    if not youth.any():
        return *_strength(found, decades, len(youth)), np.zeros(len(youth))
    growing = _GROWS_UP[statistic]
    if is_unsure.any():
        growing = np.where(is_unsure[found.place] & (statistic != Statistic.RUN), _BURSTS, growing)
    told, strongest = _strength(found, decades - growing * youth[found.place], len(youth))
    return told, strongest, _strength(found, decades, len(youth))[0] - told


def _strength(found: Peaks, decades: Floats, count: int) -> tuple[Floats, Ints]:
    """What the strongest group of evidence on each reading says, and a part of what the next does; the strongest."""
    kinds, telling = len(Statistic), np.flatnonzero(decades > 0.0)
    told, strongest = np.zeros(count), np.zeros(count, np.int64)
    if not len(telling):
        return told, strongest
    is_odd = np.zeros(count, bool)
    is_odd[found.place[telling]] = True
    odd, column = np.flatnonzero(is_odd), np.cumsum(is_odd) - 1  # most readings are everyday
    sides = np.zeros((2 * kinds, len(odd)))
    sides[found.side[telling], column[found.place[telling]]] = decades[telling]
    table = np.maximum(sides[:kinds], sides[kinds:])
    first, second = np.zeros(len(odd)), np.zeros(len(odd))
    for strength in np.maximum.reduceat(table, _GROUPS):
        second = np.maximum(second, np.minimum(first, strength))
        first = np.maximum(first, strength)
    told[odd], strongest[odd] = first + _SECOND_OPINION * second, np.argmax(table, axis=0)
    return told, strongest
