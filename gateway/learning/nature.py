"""What each sensor is, found by itself: one whose value counts, or one whose rise does."""

from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.learning.rows import Rows
from gateway.records import Floats, Ints, Nature

_CLIMB = 60.0
"""Rises after which a sensor that never fell is a counter, and so many more for each fall it has shown: a boiler that
heats up rises as often in an hour, but has cooled down before."""

_RESET = 0.5  # of the value before; a counter that falls at least so far has begun anew or run over
_CYCLE = 10.0  # rises between two resets; what falls to nothing more often is no counter
_STEADY = 500.0  # rises; a counter that falls again within so many is none
_MOST = 1e6  # rises and falls counted: single precision tells them apart
_DIGITS = 256.0  # of the last digit of a double; equal rises must be equal rates
_LEAST = 1e-9  # of a value, and of the seconds between two
_BURST = 0.5  # usual intervals; what a counter counts within less is no higher rate

_VALUE, _COUNTER = int(Nature.VALUE), int(Nature.COUNTER)

Mask = npt.NDArray[np.bool_]


class KindRule(NamedTuple):
    """What the user says that sensors (shell patterns) are."""

    devices: str
    sensors: str
    nature: Nature

    def fits(self, device: str, sensor: str) -> bool:
        """Whether the rule is for this stream."""
        return fnmatchcase(device, self.devices) and fnmatchcase(sensor, self.sensors)


class Scale(NamedTuple):
    """How what is learned of some streams stands to their own units: a value is `base + per * learned`.

    Of a counter its rate per second is learned: `base` is its last value and `per` the seconds since. Of others the
    value itself is, counted from their origin.
    """

    base: Floats
    per: Floats
    is_counter: Mask

    def learned(self, value: Floats) -> Floats:
        """What is learned of values in their own units; of counters without the error of large numbers' differences."""
        step = value - self.base
        if self.is_counter.any():
            digit = _DIGITS * np.spacing(np.maximum(np.maximum(np.abs(value), np.abs(self.base)), _LEAST))
            step = np.where(self.is_counter, np.rint(step / digit) * digit, step)
        return np.asarray(step / self.per)

    def own(self, learned: Floats) -> Floats:
        """Values in their own units; no counter is expected to fall."""
        return np.asarray(self.base + self.per * np.where(self.is_counter, np.maximum(learned, 0.0), learned))


class Natures(Rows):
    """The nature of every stream, its last value, and what speaks for it: rises since its last fall, and its falls.

    `cycle` are the rises since the last reset, `unit` is the least rise; `is_told` where a person said what the sensor
    is.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "nature": ((), np.uint8, _VALUE),
                "is_told": ((), np.bool_, False),
                "last": ((), np.float64, 0.0),
                "climb": ((), np.float32, 0.0),
                "cycle": ((), np.float32, 0.0),
                "falls": ((), np.float32, 0.0),
                "unit": ((), np.float32, np.inf),
            }
        )

    def tell(self, row: int, nature: Nature) -> None:
        """A person says what the sensor is."""
        self.arrays["nature"][row], self.arrays["is_told"][row] = nature, True

    def is_counter(self, rows: Ints) -> Mask:
        """Whether each of `rows` is a counter."""
        return np.asarray(self.arrays["nature"][rows] == _COUNTER)

    def observe(self, rows: Ints, value: Floats, is_first: Mask, is_calm: Mask) -> tuple[Ints, Mask]:
        """Take note of how each of `rows` moves; returns those that turn out to be something else, and which reset.

        None turns while it is not calm: its incident is to be told to its end.
        """
        a = self.arrays
        nature, last = a["nature"][rows], a["last"][rows]
        climb, cycle, falls = a["climb"][rows], a["cycle"][rows], a["falls"][rows]
        rises = (value > last) & ~is_first
        is_down = (value < last) & ~is_first
        is_counter = nature == _COUNTER
        is_reset = is_down & (value >= 0.0) & (value <= _RESET * last) & (is_counter | (cycle >= _CYCLE))
        is_fall = is_down & ~is_reset
        may_turn = is_calm & ~a["is_told"][rows]
        ends = is_counter & may_turn & ((is_fall & (climb < _STEADY)) | (is_reset & (cycle < _CYCLE)))
        climb = np.where(is_fall, 0.0, np.minimum(climb + rises, _MOST))
        falls = np.minimum(falls + is_fall, _MOST)
        begins = ~is_counter & may_turn & (climb >= _CLIMB * (1.0 + falls)) & (value >= 0.0)
        a["unit"][rows] = np.where(rises, np.minimum(a["unit"][rows], value - last), a["unit"][rows])
        a["climb"][rows], a["falls"][rows] = climb, falls
        a["cycle"][rows] = np.where(is_down, 0.0, np.minimum(cycle + rises, _MOST))
        turned = np.flatnonzero(begins | ends)
        a["nature"][rows[turned]] = np.where(begins[turned], _COUNTER, _VALUE)
        return turned, is_reset

    def scale(self, rows: Ints, origin: Floats, since_s: Floats, interval_s: Floats) -> Scale:
        """How the next value of each of `rows` is learned, `since_s` seconds after the last, before `learn`."""
        is_counter = self.is_counter(rows)
        if not is_counter.any():
            return Scale(origin, np.ones(len(rows)), is_counter)
        per = np.maximum(np.maximum(since_s, _BURST * interval_s), _LEAST)
        last = self.arrays["last"][rows]
        return Scale(np.where(is_counter, last, origin), np.where(is_counter, per, 1.0), is_counter)

    def grain(self, rows: Ints, grain: Floats, interval_s: Floats) -> Floats:
        """The least difference between what is learned of each of `rows`, `grain` for those that are no counters."""
        unit = self.arrays["unit"][rows].astype(np.float64)
        return np.where(self.is_counter(rows) & np.isfinite(unit), unit / interval_s, grain)

    def learn(self, rows: Ints, value: Floats) -> None:
        """Remember the last value of each of `rows`."""
        self.arrays["last"][rows] = value
