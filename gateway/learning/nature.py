"""What each sensor is, found by itself: its value counts, or its rise, or it only switches, or it tells events."""

from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np

from gateway.learning.calendar import DAY_S
from gateway.learning.clock import LARGEST
from gateway.learning.rows import Places, Rows, positions, within
from gateway.records import Floats, Ints, Mask, Nature, is_event, is_text

_CLIMB = 60.0
"""Rises after which a sensor that never fell is a counter, and so many more for each fall it has shown: a boiler that
heats up rises as often in an hour, but has cooled down before."""

_RESET = 0.5  # of the value before; a counter that falls at least so far has begun anew or run over
_CYCLE = 10.0  # rises between two resets; what falls to nothing more often is no counter
_STEADY = 500.0  # rises; a counter that falls again within so many is none
_SWITCHES = 5.0  # falls of what for a day was only ever 0 or 1; then it is a state
_HOPELESS = 100.0  # falls after which no rise convinces: most sensors, and nothing is to be computed for them
_MOST = 1e6  # rises and falls counted: single precision tells them apart
_DIGITS = 256.0  # of the last digit of a double; equal rises must be equal rates
_LEAST = 1e-9  # of a value, and of the seconds between two
_BURST = 0.5  # usual intervals; what a counter counts within less is no higher rate

_VALUE, _COUNTER, _STATE, _EVENT = map(int, Nature)


class KindRule(NamedTuple):
    """What the user says that sensors (shell patterns) are."""

    devices: str
    sensors: str
    nature: Nature

    def fits(self, device: str, sensor: str) -> bool:
        """Whether the rule is for this stream."""
        return fnmatchcase(device, self.devices) and fnmatchcase(sensor, self.sensors)


class Natured(NamedTuple):
    """Which of some streams live by habits, as states or by events, and which of these by events."""

    is_habitual: Mask
    is_event: Mask


class Scale(NamedTuple):
    """How what is learned of some streams stands to their own units: a value is `base + per * learned`.

    Of a counter its rate per second is learned: `base` is its last value and `per` the seconds since. Of others the
    value itself is, counted from their origin.
    """

    base: Floats
    per: Floats
    is_counter: Mask
    has_counters: bool

    def learned(self, value: Floats) -> Floats:
        """What is learned of values in their own units; of counters without the error of large numbers' differences."""
        step = value - self.base
        if self.has_counters:
            digit = _DIGITS * np.spacing(np.maximum(np.maximum(np.abs(value), np.abs(self.base)), _LEAST))
            rate = np.clip(np.rint(step / digit) * digit / self.per, -LARGEST, LARGEST)
            step = np.where(self.is_counter, rate, step)
        return np.asarray(step)

    def own(self, learned: Floats) -> Floats:
        """Values in their own units; no counter is expected to fall."""
        if not self.has_counters:
            return np.asarray(self.base + learned)
        return np.asarray(self.base + self.per * np.where(self.is_counter, np.maximum(learned, 0.0), learned))


class Natures(Rows):
    """The nature of every stream, its last value, and what speaks for it: rises since its last fall, and its falls.

    `is_binary` is what showed nothing but 0 and 1, `speaks` what sent a text: a state, or an event, for good.

    `cycle` are the rises since the last reset, `unit` is the least rise; `is_told` where a person said what the sensor
    is. Of what speaks, `climb` are the numbers since the last text.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "nature": ((), np.uint8, _VALUE),
                "is_told": ((), np.bool_, False),
                "is_binary": ((), np.bool_, True),
                "speaks": ((), np.bool_, False),
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
        self.arrays["speaks"][row] = nature is Nature.EVENT  # whatever it says, it is no quantity

    def is_counter(self, rows: Ints) -> Mask:
        """Whether each of `rows` is a counter."""
        return np.asarray(self.arrays["nature"][rows] == _COUNTER)

    def of(self, rows: Ints) -> Natured:
        """Which of `rows` are learned by when something changes or happens, and not by their values."""
        nature = self.arrays["nature"][rows]
        return Natured(nature >= _STATE, nature == _EVENT)

    def refuses(self, rows: Ints, value: Floats) -> Mask:
        """Whether each value is a text, though its sensor is one of numbers: it sent others than 0 and 1."""
        a, refused = self.arrays, is_text(value)
        if refused.any():
            is_state = np.where(a["is_told"][rows], a["nature"][rows] >= _STATE, a["is_binary"][rows])
            refused &= ~(is_state | a["speaks"][rows])
        return refused

    def quantity(self, rows: Places, value: Floats) -> Floats:
        """The values as what can be reckoned with: 0 of all that speak, none beyond `LARGEST`."""
        speaks, value = self.arrays["speaks"][rows], within(value, -LARGEST, LARGEST)
        return np.where(speaks, 0.0, value) if speaks.any() else value

    def hear(self, rows: Ints, at: Places, value: Floats) -> Ints:
        """Take note of which of `rows` send texts; returns the places of those that turn into a state by it, or back.

        `at` are the same as `rows`, as `stretch` finds them. What sends so many numbers and no text any more is a
        sensor of numbers, which once said that it was broken.
        """
        a, says, spoke = self.arrays, is_text(value), self.speaks(at)
        involved = positions(says | spoke)
        if not len(involved):
            return involved
        row, says = rows[involved], says[involved]
        is_number = ~says & (value[involved] != 0.0) & (value[involved] != 1.0)
        climb = np.where(says, 0.0, a["climb"][row] + is_number)
        ends = (climb >= _CLIMB) & ~a["is_told"][row]
        a["climb"][row] = np.where(ends, 0.0, np.minimum(climb, _CLIMB))
        before, tells = a["nature"][row], is_event(value[involved])
        nature = np.where(tells | (before == _EVENT), _EVENT, _STATE)
        nature = np.where(a["is_told"][row], before, np.where(ends, _VALUE, nature))
        begins = says & (before != nature)
        a["speaks"][row], a["nature"][row] = ~ends, nature
        a["is_binary"][row] &= ~ends
        return np.asarray(involved[begins | ends])

    def speaks(self, rows: Places) -> Mask:
        """Whether each of `rows` sends texts."""
        return np.asarray(self.arrays["speaks"][rows])

    def observe(self, rows: Ints, value: Floats, age_s: Floats, is_calm: Mask) -> tuple[Ints, Ints]:
        """Take note of how each of `rows` moves, which was first heard `age_s` before.

        Returns the places of those that turn out to be something else, and of the counters that begin anew. None turns
        while it is not calm: its incident is to be told to its end.
        """
        a = self.arrays
        asked = positions((a["falls"][rows] < _HOPELESS) | (a["nature"][rows] != _VALUE))
        if not len(asked):
            return asked, asked
        rows, value, age_s = rows[asked], value[asked], age_s[asked]
        nature, last, climb, cycle = (a[name][rows] for name in ("nature", "last", "climb", "cycle"))
        a["last"][rows] = last = np.where(age_s > 0.0, last, value)
        may_turn = is_calm[asked] & ~a["is_told"][rows]
        rises, is_down = value > last, value < last
        is_counter = nature == _COUNTER
        is_reset = is_down & (value >= 0.0) & (value <= _RESET * last) & (is_counter | (cycle >= _CYCLE))
        is_fall = is_down & ~is_reset
        is_binary = a["is_binary"][rows] & ((value == 0.0) | (value == 1.0))
        ends = (is_counter & ((is_fall & (climb < _STEADY)) | (is_reset & (cycle < _CYCLE)))) | (
            (nature == _STATE) & ~is_binary
        )
        climb = np.where(is_fall, 0.0, np.minimum(climb + rises, _MOST))
        falls = np.minimum(a["falls"][rows] + is_fall, _MOST)
        counts = (nature == _VALUE) & (climb >= _CLIMB * (1.0 + falls)) & (value >= 0.0)
        switches = (nature == _VALUE) & is_binary & (falls >= _SWITCHES) & (age_s >= DAY_S)
        a["climb"][rows], a["falls"][rows], a["is_binary"][rows] = climb, falls, is_binary
        a["cycle"][rows] = np.where(is_down, 0.0, np.minimum(cycle + rises, _MOST))
        a["unit"][rows] = np.where(rises, np.minimum(a["unit"][rows], value - last), a["unit"][rows])
        turned = positions(may_turn & (ends | counts | switches))
        a["nature"][rows[turned]] = np.where(counts, _COUNTER, np.where(switches, _STATE, _VALUE))[turned]
        return asked[turned], asked[is_reset & self.is_counter(rows)]

    def scale(self, rows: Ints, origin: Floats, since_s: Floats, interval_s: Floats) -> Scale:
        """How the next value of each of `rows` is learned, `since_s` seconds after the last, before `learn`."""
        is_counter = self.is_counter(rows)
        if not is_counter.any():
            return Scale(origin, np.ones(len(rows)), is_counter, has_counters=False)
        per = np.maximum(np.maximum(since_s, _BURST * interval_s), _LEAST)
        last = self.arrays["last"][rows]
        base, per = np.where(is_counter, last, origin), np.where(is_counter, per, 1.0)
        return Scale(base, per, is_counter, has_counters=True)

    def grain(self, rows: Ints, grain: Floats, interval_s: Floats) -> Floats:
        """The least difference between what is learned of each of `rows`, `grain` for those that are no counters."""
        is_counter = self.is_counter(rows)
        if is_counter.any():
            unit = self.arrays["unit"][rows].astype(np.float64)
            grain = np.where(is_counter & np.isfinite(unit), unit / interval_s, grain)
        return grain

    def learn(self, rows: Ints, value: Floats) -> None:
        """Remember the last value of each of `rows`."""
        self.arrays["last"][rows] = value
