"""How rare: return periods of a statistic under its own past, from the extremes it has shown.

Peaks over threshold as in SPOT (Siffer et al., "Anomaly detection in streams with extreme value theory", KDD 2017),
made cheap and honest about dependence: of every cluster of exceedances only the peak is kept (Leadbetter 1991), so
that n / rank counts *events*, not readings, and the return period of a level is directly the rate of incidents a
threshold there would cause. The excess is exponential, its mean estimated from the `PEAKS` highest cluster peaks
and `_PRIOR` pseudo-peaks of a share of the range seen. A shape parameter (generalised Pareto, Hill) was worse
everywhere; a second level of tails on the result too.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.learning.rows import Rows
from gateway.records import Floats, Ints

PEAKS = 16
_CLUSTER = 12.0  # readings; 6 and 24 are both worse on NAB, and clean streams are as calibrated
_PRIOR = 4.0
_PRIOR_SHARE = 0.05  # of the range seen
_CAP = 50.0  # mean excesses; one glitch of 1e6 must not blind a stream for good
_MOST_DECADES = 50.0
_LN10 = float(np.log(10.0))

Singles = npt.NDArray[np.float32]


class Peaks(NamedTuple):
    """The statistics of a round that lie above their own thresholds, and what is known of those tails."""

    side: Ints
    place: Ints  # position in the round
    row: Ints
    value: Singles
    peaks: Floats
    mean_excess: Floats


class Tails(Rows):
    """Both tails of every statistic of every stream; sides 0..K-1 look upwards, K..2K-1 downwards."""

    def __init__(self, least_excess: Floats) -> None:
        """`least_excess` is, per statistic, a prior mean excess in its own unit, for those that may have no range."""
        sides = 2 * len(least_excess)
        super().__init__(
            {
                "seen": ((), np.float64, 0.0),
                "edge": ((sides,), np.float32, -np.inf),
                "peaks": ((sides, PEAKS), np.float32, -np.inf),
                "peak_at": ((sides,), np.float32, -np.inf),
                "peak": ((sides,), np.float32, np.inf),
                "born_at": ((sides,), np.float32, -1.0),
            }
        )
        self._least = np.concatenate([least_excess, least_excess])
        self._cap = np.where(self._least > 0.0, np.inf, _CAP)

    def exceed(self, rows: Ints, statistics: Floats, grain: Floats) -> Peaks:
        """Those of `statistics` (statistic, row) that exceed their edges; the rest are everyday.

        `grain` is the least change each stream has shown: no tail can be thinner than the grain of its values.
        """
        upwards = statistics.astype(np.float32)
        sides = np.concatenate([upwards, -upwards])
        side, place = np.nonzero(sides > self.arrays["edge"][:, rows])
        row, value = rows[place], sides[side, place]
        peaks = self.arrays["peaks"][side, :, row].astype(np.float64)
        other = self.arrays["peaks"][(side + len(statistics)) % len(sides), -1, row]
        with np.errstate(invalid="ignore"):
            span = peaks[:, -1] + other
            total = np.cumsum(peaks - peaks[:, :1], axis=1)[:, -1]
        least = np.where(self._least[side] > 0.0, self._least[side], grain[place])
        prior = _PRIOR_SHARE * np.where(np.isfinite(span), span, 0.0) + least
        mean = (np.where(np.isfinite(total), total, 0.0) + _PRIOR * prior) / (PEAKS - 1 + _PRIOR)
        return Peaks(side, place, row, value, peaks, mean)

    def decades(self, found: Peaks) -> Floats:
        """log10 of the return period in readings of each exceedance; 0 where nothing can be said yet."""
        edge = found.peaks[:, 0]
        ready = np.isfinite(edge) & (found.mean_excess > 0.0)
        above = (found.value - np.where(ready, edge, found.value)) / np.where(ready, found.mean_excess, 1.0)
        age = self.arrays["seen"][found.row] - self.arrays["born_at"][found.side, found.row]
        seen = np.log10(np.maximum(age, PEAKS) / PEAKS)
        return np.where(np.isfinite(edge), np.minimum(seen + above / _LN10, _MOST_DECADES), 0.0)

    def band(self, rows: Ints, statistic: int) -> tuple[Floats, Floats]:
        """Between which levels a statistic of each of `rows` is everyday."""
        edge = self.arrays["edge"]
        down = statistic + len(edge) // 2
        return -edge[down, rows].astype(np.float64), edge[statistic, rows].astype(np.float64)

    def learn(self, rows: Ints, found: Peaks) -> None:
        """Count the readings of `rows` and keep the peaks of their clusters."""
        a = self.arrays
        a["seen"][rows] += 1.0
        if len(found.side) == 0:
            return
        peaks = found.peaks
        with np.errstate(invalid="ignore"):
            cap = np.maximum(peaks[:, -1], peaks[:, 0] + self._cap[found.side] * found.mean_excess)
        full = np.isfinite(peaks[:, 0]) & (found.mean_excess > 0.0)
        value = np.where(full, np.minimum(found.value, cap), found.value).astype(np.float32)
        where = (found.side, found.row)
        now = a["seen"][found.row]
        born = a["born_at"][where]
        a["born_at"][where] = np.where(born < 0.0, now, born)
        same = (now - a["peak_at"][where] <= _CLUSTER) & (a["peak"][where] >= peaks[:, 0])
        higher = same & (value > a["peak"][where])
        taken = higher | ~same
        slot = np.where(higher, np.argmax(peaks == a["peak"][where][:, None], axis=1), 0)[taken]
        kept = peaks[taken]
        kept[np.arange(len(kept)), slot] = value[taken]
        kept.sort(axis=1)
        side, row = found.side[taken], found.row[taken]
        a["peaks"][side, :, row] = kept
        a["edge"][side, row] = kept[:, 0]
        a["peak"][side, row] = value[taken]
        a["peak_at"][side, row] = now[taken]
