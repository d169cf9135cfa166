"""The statistics in which a fault can show itself, of every reading of every stream.

Each is a plain number that `tails` compares with its own past, upwards and downwards. Which to keep was settled on
NAB with the alarm threshold set on simulated healthy streams: leaving one out costs 0.3 to 4 points. RESIDUAL,
SURPRISE, LEVEL and SPREAD cost nothing there; they are kept for the spikes and restlessness that NAB has little of.
"""

from enum import IntEnum

import numpy as np

from gateway.learning.pool import Outlook
from gateway.learning.rows import Rows, ewma_rate
from gateway.records import Floats, Ints, Kind

RING = 24
SHORT = 6
BLOCK = 4
BLOCKS = 48
_FAST, _MEDIUM, _SLOW = 0.3, 0.03, 0.003
_WEEKLY, _USUAL = 0.3, 0.1


class Statistic(IntEnum):
    """One row each of what `Evidence.observe` returns."""

    RESIDUAL = 0
    SURPRISE = 1
    LEVEL = 2
    LOWEST_SHORT = 3
    LOWEST = 4
    HIGHEST = 5
    WEEKLY = 6
    USUAL = 7
    TREND = 8
    STEP = 9
    SPREAD = 10
    RUN = 11


KINDS = {
    Statistic.RESIDUAL: Kind.SPIKE,
    Statistic.SURPRISE: Kind.SPIKE,
    Statistic.LEVEL: Kind.RANGE,
    Statistic.LOWEST_SHORT: Kind.RANGE,
    Statistic.LOWEST: Kind.RANGE,
    Statistic.HIGHEST: Kind.RANGE,
    Statistic.WEEKLY: Kind.SHIFT,
    Statistic.USUAL: Kind.SHIFT,
    Statistic.TREND: Kind.SHIFT,
    Statistic.STEP: Kind.SHIFT,
    Statistic.SPREAD: Kind.SPREAD,
    Statistic.RUN: Kind.STUCK,
}


class Evidence(Rows):
    """Short and long means, extremes and runs of every stream."""

    def __init__(self) -> None:
        super().__init__(
            {
                "seen": ((), np.float64, 0.0),
                "fast": ((), np.float64, 0.0),
                "medium": ((), np.float64, 0.0),
                "slow": ((), np.float64, 0.0),
                "weekly": ((), np.float64, 0.0),
                "usual": ((), np.float64, 0.0),
                "power": ((), np.float64, 0.0),
                "run": ((), np.float64, 0.0),
                "step": ((), np.float64, 0.0),
                "grain": ((), np.float64, np.inf),
                "block": ((), np.float64, 0.0),
                "blocks": ((BLOCKS,), np.float32, 0.0),
                "ring": ((RING,), np.float32, 0.0),
            }
        )

    def observe(self, rows: Ints, value: Floats, outlook: Outlook, weekly: Floats) -> Floats:
        """Take in one reading for each of `rows` and return all statistics, one row per `Statistic`.

        `weekly` is the residual against the same hour of the week, NaN where that was never seen. A statistic that
        has not seen enough to exist is NaN in the result, and goes no further than `Tails.exceed`.
        """
        a = self.arrays
        seen = a["seen"][rows] + 1.0
        a["seen"][rows] = seen
        usual = value - outlook.seasonal
        surprise = usual - a["usual"][rows]
        residual = value - outlook.expected
        fast = self._mean("fast", rows, value, _FAST, seen)
        medium = self._mean("medium", rows, value, _MEDIUM, seen)
        slow = self._mean("slow", rows, value, _SLOW, seen)
        lowest, highest = self._remember(rows, value, seen)
        is_known = ~np.isnan(weekly)
        return np.stack(
            [
                residual,
                surprise,
                fast,
                np.minimum(np.minimum.reduce(list(outlook.lags[: SHORT - 1])), value),
                lowest,
                highest,
                np.where(is_known, self._mean("weekly", rows, np.where(is_known, weekly, 0.0), _WEEKLY, seen), np.nan),
                self._mean("usual", rows, usual, _USUAL, seen),
                medium - slow,
                self._blockwise(rows, value, seen),
                np.sqrt(self._mean("power", rows, usual * usual, _MEDIUM, seen)),
                self._runs(rows, value, outlook.lags[0], seen),
            ]
        )

    def grain(self, rows: Ints) -> Floats:
        """The least change each of `rows` has shown, 0 where there was none."""
        grain = self.arrays["grain"][rows]
        return np.where(np.isfinite(grain), grain, 0.0)

    def _mean(self, name: str, rows: Ints, value: Floats, floor: float, seen: Floats) -> Floats:
        old = self.arrays[name][rows]
        new = old + ewma_rate(floor, seen) * (value - old)
        self.arrays[name][rows] = new
        return new

    def _remember(self, rows: Ints, value: Floats, seen: Floats) -> tuple[Floats, Floats]:
        """Lowest and highest of the last `RING` values."""
        ring = self.arrays["ring"]
        first = seen == 1.0
        if first.any():
            ring[:, rows[first]] = value[first]
        ring[seen.astype(np.int64) % RING, rows] = value
        recent = ring[:, rows]
        return np.minimum.reduce(recent, axis=0), np.maximum.reduce(recent, axis=0)

    def _runs(self, rows: Ints, value: Floats, last: Floats, seen: Floats) -> Floats:
        same = (value == last) | (seen == 1.0)
        run = np.where(same & (seen > 1.0), self.arrays["run"][rows] + 1.0, 0.0)
        grain = self.arrays["grain"][rows]
        self.arrays["grain"][rows] = np.where(same, grain, np.minimum(grain, np.abs(value - last)))
        self.arrays["run"][rows] = run
        return run

    def _blockwise(self, rows: Ints, value: Floats, seen: Floats) -> Floats:
        """Mean of the last twelve blocks of `BLOCK` readings less that of the twelve before."""
        a = self.arrays
        total = a["block"][rows] + value
        full = np.flatnonzero(seen % BLOCK == 0.0)
        if len(full):
            self._close_blocks(rows[full], total[full] / BLOCK, (seen[full] / BLOCK).astype(np.int64))
            total[full] = 0.0
        a["block"][rows] = total
        return np.where(seen >= BLOCK * (BLOCKS + 1), a["step"][rows], np.nan)

    def _close_blocks(self, rows: Ints, mean: Floats, number: Ints) -> None:
        blocks = self.arrays["blocks"]
        blocks[number % BLOCKS, rows] = mean
        half = BLOCKS // 2
        step = np.zeros(len(rows))
        for age in range(half):
            step = step + blocks[(number - age) % BLOCKS, rows] - blocks[(number - age - half) % BLOCKS, rows]
        self.arrays["step"][rows] = np.where(number > BLOCKS, step / half, 0.0)
