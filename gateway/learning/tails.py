"""How rare: return periods of a statistic under its own past, from the extremes it has shown.

Peaks over threshold as in SPOT (Siffer et al., "Anomaly detection in streams with extreme value theory", KDD 2017),
made cheap and honest about dependence: of every cluster of exceedances only the peak is kept (Leadbetter 1991), so
that n / rank counts *events*, not readings, and the return period of a level is directly the rate of incidents a
threshold there would cause. The excess is exponential, its mean estimated from the `PEAKS` highest cluster peaks
and `_PRIOR` pseudo-peaks of a share of the range seen. What so few leave uncertain of that mean is integrated out: the
next excess is Lomax (Gelman et al., "Bayesian Data Analysis", 2.6), so that a level far beyond all that a young stream
has seen is believed less. With the mean taken for the truth there were a third more false alarms in the first days and
a tenth more later. A tail that calls the highest it has known far rarer than once in all its time is no exponential: a
kettle among what is always on, a compressor that ran on. Half of what it claims so is taken back: of a fleet of
simulated devices a quarter less is told in ten days, and on NAB an eighth fewer false points. A shape parameter
(generalised Pareto, Hill) was worse everywhere; a second level of tails on the result too.
"""

import numpy as np
import numpy.typing as npt

from gateway.learning.peaks import LEAST_DECADES, Grid, Peaks, Singles, Traits, is_within
from gateway.learning.rows import Places, Rows, positions, stretch, summed
from gateway.records import Floats, Ints, Mask

PEAKS = 16
_PRIOR = 4.0
_PRIOR_SHARE = 0.05  # of the range seen
"""Pseudo-peaks of a step of the sensor add to what was seen as what is independent of it does, by the squares. Added as
they are, of spikes of eight times the noise 0.33 were told at once, now 0.39, and NAB was 0.8 points lower; the
larger of both is as good, but tells of sensors of half degrees that follow the day."""

_KNOWN = PEAKS - 1 + _PRIOR  # excesses by which the mean is known; 40 and 10 are as good on NAB
_SLACK, _TAKEN_BACK = 0.5, 0.5  # decades, and of those beyond; with neighbours of these NAB is 71.0 to 73.3
_CAP = 50.0
"""Mean excesses up to which a peak is learned, or as far as all values of the sensor lie apart: one glitch of 1e6 must
not blind a stream for good, but that a compressor runs for longer than a window is no glitch. Freezers were told for it
up to three times, now up to twice."""

_MOST_DECADES = 20.0  # some 200 mean excesses; how much rarer than that, nobody can tell
_EARLY_PEAKS = 8
_EARLY_SHARE = 0.25  # of the range seen: some 1.4 sigma of a Gaussian, three times what its full tail would say
_LN10 = float(np.log(10.0))

Turns = npt.NDArray[np.uint16]


class Tails(Rows):
    """The tails of every statistic of every stream; sides 0..K-1 look upwards, from K on downwards.

    The lowest of the peaks is the `edge`, the highest the `top`, and the others are `between`; `excess` is by how much
    all lie above the lowest: summed anew for each reading above an edge, it cost 0.4 us a reading.
    """

    def __init__(self, traits: Traits, downwards: int) -> None:
        """The first `downwards` statistics are looked at downwards, too.

        The others are never negative, and little of them is no news.
        """
        self._half, self.sides = len(traits.few), len(traits.few) + downwards
        each = (self.sides,)
        super().__init__(
            {
                "seen": ((), np.float64, 0.0),
                "edge": (each, np.float32, -np.inf),
                "top": (each, np.float32, -np.inf),
                "excess": (each, np.float32, 0.0),
                "peak": (each, np.float32, -np.inf),
                "peak_at": (each, np.uint16, 0),
                "born_at": ((self._half,), np.float32, -1.0),
                "between": ((self.sides, PEAKS - 2), np.float32, -np.inf),
            }
        )
        number = np.arange(self.sides)
        self._statistic = number % self._half
        self._opposite = np.where(self._statistic < downwards, (number + self._half) % (2 * self._half), -1)
        self._least, self._few = traits.least_excess[self._statistic], traits.few[self._statistic]
        self._moves = traits.moves[self._statistic]
        self._bottom = np.where((self._least > 0.0) | (self._few > 0.0), 0.0, -np.inf)
        self._cluster, self._unit = traits.cluster[self._statistic], traits.unit[self._statistic]

    def exceed(self, rows: Ints, statistics: Floats, grid: Grid) -> Peaks:
        """Those of `statistics` (statistic, row) that exceed their edges; the rest are everyday.

        While a tail is not full, everything exceeds it; left out is what neither says anything nor will be kept.
        No tail can be thinner than a step of the `grid` of its values. Of what knows few values nothing is said of what
        it has shown, nor of the next: a sensor of two has nothing else to show.
        """
        sides, edges = self._sided(statistics), self.arrays["edge"][:, stretch(rows)]
        is_found = sides > edges
        young = positions(np.minimum.reduce(edges, axis=1) == -np.inf)
        if len(young):
            is_found[young] &= ~self._is_lesser(young, rows, sides[young])
        found = positions(is_found)
        side, place = np.divmod(found, len(rows))
        row = rows[place]
        flat = side * self.room + row
        top = self._flat("top")[flat].astype(np.float64)
        reach = top + self._depth(side, row)
        reach = np.where(np.isfinite(reach), np.maximum(reach, 0.0), 0.0)
        step, span = grid.measured(self._unit[side], place)
        edge, least = self._flat("edge")[flat].astype(np.float64), self._least[side]
        excess = self._flat("excess")[flat] + _PRIOR * _PRIOR_SHARE * reach
        mean = np.hypot(excess, _PRIOR * step) / _KNOWN
        runs = positions((least > 0.0) & np.isfinite(edge))
        if len(runs):
            own = self._unfinished(side[runs], flat[runs], row[runs], edge[runs])
            mean[runs] = (excess[runs] - own + _PRIOR * least[runs]) / (_KNOWN - (own > 0.0))
        value = sides.reshape(-1)[found].astype(np.float64)
        is_bound = np.isfinite(edge) & (mean > 0.0) & (least == 0.0)
        highest = np.where(is_bound, edge, 0.0) + np.maximum(_CAP * mean, span)
        most = np.where(is_bound, np.maximum(top, highest), np.inf)
        told = self._told(side, value, (edge, top), (step, span))
        return Peaks(side, place, row, flat, value, told, edge, mean, most)

    def _told(self, side: Ints, value: Floats, known: tuple[Floats, Floats], grid: tuple[Floats, Floats]) -> Floats:
        """The values as they are judged, by the lowest and the highest that are known, and by step and span."""
        (edge, top), (step, span) = known, grid
        few = self._few[side]
        knows_few = is_within(span, few, step) & np.isfinite(edge)
        is_next = (few > 0.0) & is_within(value - top, np.where(knows_few, self._moves[side], 1.0), step)
        return np.where(is_next, np.minimum(value, np.where(knows_few, edge, top)), value)

    def _goes_on(self, side: Ints, at: Ints, row: Ints) -> Mask:
        """Whether the next reading is in the newest cluster of each of these, too."""
        return _turn(self.arrays["seen"][row] + 1.0) - self._flat("peak_at")[at] <= self._cluster[side]

    def _unfinished(self, side: Ints, at: Ints, row: Ints, edge: Floats) -> Floats:
        """What of each excess is the peak of a run that has not ended: it is not to be compared with itself.

        With half of it in what sticks in its first minutes is told thrice as late, with all of it hardly ever. Of the
        other statistics it stays: without it a cluster says more of itself than of the next.
        """
        above = self._flat("peak")[at].astype(np.float64) - edge
        return np.where(self._goes_on(side, at, row), np.maximum(above, 0.0), 0.0)

    def beyond(self, rows: Ints, statistics: Floats) -> Singles:
        """Those of `statistics`, by side, that exceed their edges; -inf in the place of the rest."""
        sides = self._sided(statistics)
        return np.where(sides > self.arrays["edge"][:, rows], sides, -np.inf)

    def _sided(self, statistics: Floats) -> Singles:
        upwards = statistics.astype(np.float32)
        return np.concatenate([upwards, -upwards[: self.sides - self._half]])

    def _depth(self, side: Ints, row: Ints) -> Floats:
        """How far the other side of each of these reaches; what has none reaches to 0, if anything is known of it."""
        opposite, bottom = self._opposite[side], self._bottom[side]
        return np.where(opposite < 0, bottom, self._flat("top")[opposite * self.room + row].astype(np.float64))

    def _is_lesser(self, sides: Ints, rows: Ints, value: Singles) -> Mask:
        """Whether a value is in the cluster of a peak as high, in a tail that is not full yet."""
        edge, peak, peak_at = (self.arrays[name][sides[:, None], rows] for name in ("edge", "peak", "peak_at"))
        is_same = _turn(self.arrays["seen"][rows] + 1.0) - peak_at <= self._cluster[sides][:, None]
        return np.asarray((edge == -np.inf) & (value <= peak) & is_same)

    def _flat(self, name: str) -> Singles:
        """All sides of all rows of an array in one line, to be read and written in place."""
        return self.arrays[name].reshape(-1)

    def decades(self, found: Peaks, allowed: Floats | float = -np.inf) -> Floats:
        """log10 of the return period in readings of each exceedance; 0 where nothing can be said yet.

        Up to `allowed` nothing is said of each, and beyond no more than of what lies as far above its edge.
        """
        if not len(found.side):
            return np.zeros(0)
        ready = np.isfinite(found.edge)
        thick = ready & (found.mean_excess > 0.0)
        edge = np.where(thick, np.maximum(found.edge, allowed), found.told)
        above = np.maximum(found.told - edge, 0.0) / np.where(thick, found.mean_excess, 1.0)
        age = self.arrays["seen"][found.row] - self.arrays["born_at"][self._statistic[found.side], found.row]
        seen = np.log10(np.maximum(age, PEAKS) / PEAKS)
        decades = np.where(ready & (found.told > found.edge), seen + _KNOWN * np.log10(1.0 + above / _KNOWN), 0.0)
        telling = positions(thick & (decades > LEAST_DECADES) & (self._least[found.side] == 0.0))
        if len(telling):
            decades[telling] -= self._overclaimed(found, telling, edge[telling])
        early = positions(~ready)
        if len(early):
            decades[early] = self._early(found, early, age[early])
        decades[found.value <= allowed] = 0.0
        return np.minimum(decades, _MOST_DECADES)

    def _overclaimed(self, found: Peaks, which: Ints, edge: Floats) -> Floats:
        """What to take back of the decades of these, whose tails call what they have seen rarer than it was.

        The highest peak was seen once in all that time (a return level plot: Coles, "An Introduction to Statistical
        Modeling of Extreme Values", 2001, 4.3.5). It is not held against itself while its cluster goes on.
        """
        at, top = found.at[which], self._flat("top")[found.at[which]]
        is_own = self._goes_on(found.side[which], at, found.row[which]) & (self._flat("peak")[at] >= top)
        known = np.maximum(np.where(is_own, self._between()[at, -1], top) - edge, 0.0)
        claimed = _KNOWN * np.log10(1.0 + known / found.mean_excess[which] / _KNOWN) - np.log10(PEAKS)
        share = np.minimum((found.told[which] - edge) / np.where(known > 0.0, known, 1.0), 1.0)
        return np.asarray(_TAKEN_BACK * np.maximum(claimed - _SLACK, 0.0) * share)

    def _early(self, found: Peaks, early: Ints, age: Floats) -> Floats:
        """The same where a tail is not full yet: only what lies far beyond all it has seen says anything."""
        side, row = found.side[early], found.row[early]
        top, other = self.arrays["top"][side, row].astype(np.float64), self._depth(side, row)
        known = self._between()[found.at[early], PEAKS - _EARLY_PEAKS - 1] > -np.inf
        known &= np.isfinite(other) & (top + other > 0.0)
        excess = np.where(known, _EARLY_SHARE * (top + other), 1.0)
        above = np.where(known, found.told[early] - top, -1.0) / excess
        return np.where(above > 0.0, np.log10(np.maximum(age, 1.0)) + above / _LN10, 0.0)

    def band(self, rows: Ints, statistic: int) -> tuple[Floats, Floats]:
        """Between which levels a statistic of each of `rows` is everyday: as far as half of its known peaks.

        Unbounded where a tail is not full yet. The lowest of the peaks is passed so often in a young stream that an
        incident there would not end.
        """
        return -self._everyday(rows, int(self._opposite[statistic])), self._everyday(rows, statistic)

    def _everyday(self, rows: Ints, side: int) -> Floats:
        """As far as half of the peaks on this side; there may be no such side."""
        if side < 0:
            return np.full(len(rows), np.inf)
        edge, excess = (self.arrays[name][side, rows].astype(np.float64) for name in ("edge", "excess"))
        return np.where(np.isfinite(edge), edge + excess / (PEAKS - 1), np.inf)

    def span(self, at: Places, upper: int, lower: int) -> Floats:
        """From the lowest peak of the statistic `lower` to the highest of `upper`; 0 before there are any."""
        top = self.arrays["top"]
        span = top[upper, at].astype(np.float64) + top[lower + self._half, at]
        return np.where(np.isfinite(span), np.maximum(span, 0.0), 0.0)

    def _between(self) -> Singles:
        """The peaks of all sides of all rows but the lowest and the highest, (side and row, rising peak)."""
        return self.arrays["between"].transpose(0, 2, 1).reshape(-1, PEAKS - 2)

    def learn(self, at: Places, found: Peaks) -> None:
        """Count the readings of these streams and keep the peaks of their clusters."""
        self.arrays["seen"][at] += 1.0
        if len(found.side) == 0:
            return
        place, peak_at, born_at = found.at, self._flat("peak_at"), self.arrays["born_at"]
        birth = self._statistic[found.side], found.row  # both sides of a statistic are born with its first number
        value = np.minimum(found.value, found.most).astype(np.float32) + np.float32(0.0)
        now, born, peak = self.arrays["seen"][found.row], born_at[birth], self._flat("peak")[place]
        born_at[birth] = np.where(born < 0.0, now, born)
        same = (_turn(now) - peak_at[place] <= self._cluster[found.side]) & (peak >= found.edge)
        higher = same & (value > peak)
        taken = positions(higher | ~same)
        self._keep(place[taken], value[taken], np.where(higher, peak, found.edge)[taken].astype(np.float32))
        peak_at[place[taken]] = _turn(now)[taken]

    def _keep(self, at: Ints, value: Singles, instead: Singles) -> None:
        """Put `value` among the peaks in the place of `instead`, which is no larger."""
        between, old = self._between(), np.empty((PEAKS, len(at)), np.float32)
        old[0], old[1:-1], old[-1] = self._flat("edge")[at], between[at].T, self._flat("top")[at]
        kept = np.maximum(old, value)
        np.minimum(kept[:-1], old[1:], out=kept[:-1])  # what lies above `instead` moves down by one
        np.copyto(kept, old, where=old < instead)
        between[at] = kept[1:-1].T
        self._flat("edge")[at] = kept[0]
        self._flat("top")[at] = kept[-1]
        self._flat("peak")[at] = value
        full = positions(kept[0] > -np.inf)
        rising = kept[:, full].astype(np.float64)
        self._flat("excess")[at] = 0.0
        self._flat("excess")[at[full]] = summed(rising - rising[0])


def _turn(seen: Floats) -> Turns:
    """How many readings were seen, as it is kept beside a peak: after 2^16 it begins again, and differences hold.

    A peak that comes 65,536 to 65,548 readings after the last counts as one of its cluster: one in 5,000 of the lone.
    """
    return seen.astype(np.int64).astype(np.uint16)
