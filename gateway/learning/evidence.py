"""The statistics in which a fault can show itself, of every reading of every stream.

Each is a plain number that `tails` compares with its own past, upwards and, but for IMPULSE, EDGE and RUN, downwards.
Left out, HIGHEST and LOWEST cost 9 and 10 points on NAB (`bench_neighbours.py`), STEP 1.5 and LEVEL 1; what SPREAD,
WEEKLY, IMPULSE and EDGE tell NAB has little of. A slow mean less a slower one was watched, too: without it as many
drifts are found, NAB is the same, and healthy sensors are told less.

RESIDUAL is how far off what was forecast a reading is, USUAL how far off what is usual at the hour readings are, each
in how far they are on average at that hour of the day: light in the night is little by day, and in a quiet night a
small move is much. With RESIDUAL in the unit of the sensor 0.45 of what comes at the wrong hour is found instead of
0.65, half as many false alarms more are told, and NAB is 1.5 points lower; with USUAL in it, too, 0.13 are found
(`bench_hours.py`). WEEKLY is how far off what the same hour of the week usually has they are: of days that are like
another of the week, such as a Sunday at work, 0.61 are told without it, now 0.83 (`bench_days.py`).

SPREAD is that of the moves from reading to reading, which a shift of the level leaves alone (von Neumann et al., "The
mean square successive difference", 1941): that of the values told no quiet where noise is autocorrelated.

IMPULSE is how far the last reading stood out of both its neighbours: what a median of three takes out (Tukey,
"Exploratory Data Analysis", 1977, 7A). What is switched stays so for longer, so that it says much of a glitch among
switches, of which RESIDUAL can say nothing, one reading late: of spikes of eight times the noise simulated devices told
0.45 without it, now 0.84 (`bench_offsets.py`). Against the forecast in the place of the reading before, freezers were
told four times as often in their first week.

EDGE is how far the last three readings lie from the three before, which tells an abrupt shift while it is new (a
filtered derivative: Basseville and Nikiforov, "Detection of Abrupt Changes", 1993, 2.1.3): of shifts of six times the
noise 0.54 were told without it, now 0.65. It is a sum, since a sum goes in the steps of the sensor as its values do:
with the mean, which goes in thirds of them, a fifth of that is gained.

RUN is the length of a run, and more and more its logarithm where it is long. By the length alone sensors that mostly
rest are called stuck; by the logarithm alone what sticks in its first day is not found.
"""

from enum import IntEnum
from typing import TypeAlias

import numpy as np

from gateway.learning.clock import LARGEST
from gateway.learning.pool import TINY, median
from gateway.learning.profile import shrunken
from gateway.learning.prospects import View
from gateway.learning.rows import Places, Rows, plain_rate, positions, summed, within
from gateway.records import Floats, Ints, Kind, Mask

SHORT = 6
EDGE = 3  # readings on each side
BLOCK = 6
BLOCKS = 32
_AGES = np.arange(BLOCKS).reshape(2, -1, 1)
_FAST, _POWER = 0.3, 0.03
_WEEKLY, _USUAL = 0.3, 0.3
_SPREAD = 0.05  # a sensor at a third of its noise is found in 7 of 10 cases; with 0.1 in 6, with 0.03 a third later
_LONG = 100.0  # readings; with 50 what sticks in its first minutes is told half as late again, with 400 rest is stuck
_FARTHEST = 50.0  # times as far off as on average; one glitch must not carry the mean for long
_NEIGHBOURS = 2.0  # readings before the one that can tell of it
_STEADY = 0.25  # grains; a sensor that reads in steps is no quieter for resting on one


class Statistic(IntEnum):
    """One row each of what `Evidence.observe` returns."""

    RESIDUAL = 0
    LEVEL = 1
    LOWEST_SHORT = 2
    LOWEST = 3
    HIGHEST = 4
    WEEKLY = 5
    STEP = 6
    USUAL = 7
    SPREAD = 8
    IMPULSE = 9
    EDGE = 10
    RUN = 11


KINDS = {
    Statistic.RESIDUAL: Kind.SPIKE,
    Statistic.LEVEL: Kind.RANGE,
    Statistic.LOWEST_SHORT: Kind.RANGE,
    Statistic.LOWEST: Kind.RANGE,
    Statistic.HIGHEST: Kind.RANGE,
    Statistic.WEEKLY: Kind.SHIFT,
    Statistic.STEP: Kind.SHIFT,
    Statistic.USUAL: Kind.SHIFT,
    Statistic.SPREAD: Kind.SPREAD,
    Statistic.IMPULSE: Kind.SPIKE,
    Statistic.EDGE: Kind.SHIFT,
    Statistic.RUN: Kind.STUCK,
}


class Unit(IntEnum):
    """In what a statistic is measured."""

    SENSOR = 0
    OFF_USUAL = 1  # how far off what is usual at the hour it is on average
    OFF_FORECAST = 2
    MOVE = 3  # the move of one reading that raises the logarithm of how far it moves on average by one


UNITS = {
    Statistic.RESIDUAL: Unit.OFF_FORECAST,
    Statistic.USUAL: Unit.OFF_USUAL,
    Statistic.SPREAD: Unit.MOVE,
}
"""Of those whose steps are no steps of the sensor; RUN goes in readings, and has a least excess of its own."""

Memory: TypeAlias = dict[str, Floats]
"""New columns of `Evidence`, by name."""


class Evidence(Rows):
    """Short and long means, steps, moves and runs of every stream; the extremes come with the view."""

    def __init__(self) -> None:
        super().__init__(
            {
                "fast": ((), np.float64, 0.0),
                "weekly": ((), np.float64, 0.0),
                "usual": ((), np.float64, 0.0),
                "power": ((), np.float64, 0.0),
                "spread": ((), np.float64, 0.0),
                "run": ((), np.float64, 0.0),
                "step": ((), np.float64, 0.0),
                "grain": ((), np.float64, np.inf),
                "block": ((), np.float64, 0.0),
                "blocks": ((BLOCKS,), np.float32, 0.0),
            }
        )

    def observe(self, view: View) -> tuple[Floats, Memory, Floats]:
        """All statistics of one more reading of each stream, one row per `Statistic`, and what `learn` is to keep.

        The last are the units in which these are measured, one row per `Unit`, in that of the sensor.

        A counter is stuck when it stands still, not for rising evenly. A statistic that has not seen enough to exist is
        NaN in the result, and goes no further than `Tails.exceed`.
        """
        value, is_first, is_known = view.value, view.seen == 1.0, ~np.isnan(view.weekly)
        move, grain = self._moved(view, is_first)
        has_moved = np.isfinite(grain)
        least = np.maximum(np.where(has_moved, grain, 0.0), TINY)
        off, missed = np.maximum(self._off(view), least), np.maximum(view.outlook.off, least)
        memory = self._remembered(view, (move, grain, off), is_known)
        moves = np.maximum(memory["spread"], _STEADY * least)
        statistics = np.array(
            [
                within((value - view.outlook.expected) / missed, -LARGEST, LARGEST),
                memory["fast"],
                np.minimum(np.minimum.reduce(view.outlook.lags[: SHORT - 1], axis=0), value),
                np.where(is_first, value, np.minimum(view.lowest, value)),
                np.where(is_first, value, np.maximum(view.highest, value)),
                np.where(is_known, memory["weekly"], np.nan),
                np.where(view.seen >= BLOCK * (BLOCKS + 1), memory["step"], np.nan),
                np.where(view.hours > 0.0, memory["usual"], np.nan),
                np.where(has_moved, np.log(moves), np.nan),
                _stood_out(view),
                _edge(view),
                _LONG * np.log1p(memory["run"] / _LONG),
            ]
        )
        return statistics, memory, np.array([np.ones(len(value)), off, missed, moves / _SPREAD])

    def _moved(self, view: View, is_first: Mask) -> tuple[Floats, Floats]:
        """How far each stream moved with this reading, and the least it ever did (infinite where it never has)."""
        move = np.where(is_first, 0.0, np.abs(view.value - view.outlook.lags[0]))
        grain = self.arrays["grain"][view.at]
        return move, np.where(move == 0.0, grain, np.minimum(grain, move))

    def _remembered(self, view: View, lengths: tuple[Floats, Floats, Floats], is_known: Mask) -> Memory:
        """What is to be kept of this reading of each stream; of some nothing is known of the hour of the week.

        `lengths` are how far it moved, the least it ever did, and how far off what is usual it is on average.
        """
        a, at, value, (move, grain, off) = self.arrays, view.at, view.value, lengths
        plain, usual, is_same = plain_rate(view.seen), value - view.outlook.seasonal, move == 0.0
        times = within(usual / off, -_FARTHEST, _FARTHEST)
        has_moved = np.isfinite(a["grain"][at])  # the first move counts whole, late as it may be
        is_still = np.where(view.scale.is_counter, value == 0.0, is_same) & (view.seen > 1.0)
        weekly = np.where(is_known, value - view.weekly, 0.0)
        total, step = self._blockwise(view.rows, value, view.seen)
        return {
            "fast": self._mean("fast", at, value, np.maximum(_FAST, plain)),
            "weekly": self._mean("weekly", at, weekly, np.maximum(_WEEKLY, plain)),
            "usual": np.where(view.hours > 0.0, self._mean("usual", at, times, _USUAL), 0.0),
            "power": self._mean("power", at, usual * usual, np.maximum(_POWER, plain)),
            "spread": np.where(
                is_same,
                a["spread"][at],
                self._mean("spread", at, move, np.where(has_moved, np.maximum(_SPREAD, plain), 1.0)),
            ),
            "run": np.where(is_still, a["run"][at] + 1.0, 0.0),
            "grain": grain,
            "block": total,
            "step": step,
        }

    def learn(self, view: View, memory: Memory) -> None:
        """Keep what `observe` made of this reading of each stream."""
        a, seen = self.arrays, view.seen
        full = positions(seen % BLOCK == 0.0)
        if len(full):
            number = (seen[full] / BLOCK).astype(np.int64)
            a["blocks"][number % BLOCKS, view.rows[full]] = memory["block"][full] / BLOCK
            memory["block"][full] = 0.0
        for name, new in memory.items():
            a[name][view.at] = new

    def grain(self, at: Places) -> Floats:
        """The least change each of these streams has shown, 0 where there was none."""
        grain = self.arrays["grain"][at]
        return np.where(np.isfinite(grain), grain, 0.0)

    def _off(self, view: View) -> Floats:
        """How far off what is usual at its hour readings of each stream are on average."""
        return shrunken(view.off, view.hours, np.sqrt(self.arrays["power"][view.at]))

    def _mean(self, name: str, at: Places, value: Floats, rate: Floats | float) -> Floats:
        old = self.arrays[name][at]
        return np.asarray(old + rate * (value - old))

    def _blockwise(self, rows: Ints, value: Floats, seen: Floats) -> tuple[Floats, Floats]:
        """Sum of the block so far, and mean of the newer half of the blocks, this one in it, less that of the older."""
        a = self.arrays
        total, step = a["block"][rows] + value, a["step"][rows]
        full = positions(seen % BLOCK == 0.0)
        if len(full):
            step[full] = self._step(rows[full], total[full] / BLOCK, (seen[full] / BLOCK).astype(np.int64))
        return total, step

    def _step(self, rows: Ints, mean: Floats, number: Ints) -> Floats:
        newer, older = (self.arrays["blocks"][(number - ages) % BLOCKS, rows] for ages in _AGES)
        newer[0] = mean
        step = summed(np.subtract(newer, older, dtype=np.float64)) / len(newer)
        return np.where(number > BLOCKS, step, 0.0)


def _stood_out(view: View) -> Floats:
    """How far the last reading lay from the nearer of this and the one before, 0 if between them; NaN if none was."""
    last, before = view.outlook.lags[:2]
    return np.where(view.seen > _NEIGHBOURS, np.abs(last - median(before, last, view.value)), np.nan)


def _edge(view: View) -> Floats:
    """How far the sum of the last readings, this one the newest, lies from that of as many before; NaN if too few."""
    values = np.concatenate([view.value[np.newaxis], view.outlook.lags[: 2 * EDGE - 1]])
    newer, older = summed(values[:EDGE]), summed(values[EDGE:])
    return np.where(view.seen >= 2 * EDGE, np.abs(newer - older), np.nan)
