"""Each device's reporting habit, and when its silence is longer than it allows."""

import numpy as np
import numpy.typing as npt

from gateway.learning.rows import Places, Rows, ewma_rate, rounds, stretch
from gateway.records import SECOND, Floats, Ints

BEATS = 20
"""Messages before a habit is known."""

FADING, CHANCES = 0.001, 100.0
"""How slowly the longest gap is forgotten: half in about 700 messages, and in no less than so many times its length. By
messages alone it would not do: a plug that reports every ten minutes, and every five seconds while its machine runs,
has thousands in an hour."""

GAPS = 3.0
"""Longest known gaps that may pass before a device counts as silent. Of gaps that are purely random (exponential) the
longest of n is about ln(n) times the mean, so 3 of them are exceeded once in n^3 gaps."""

RATE = 0.02
IRREGULAR = 0.3
"""Mean deviation of the gaps from their mean, in means, from which a device reports by events and not by the clock; a
purely random one has 0.74, one on a schedule with a hiccup now and then 0.05."""

EVENT_GAPS = 15.0
"""The same as `GAPS` for devices that report by events: a house is quiet at night, and the first was never seen."""

GONE_GAPS = 1.0
"""The same for a device that said goodbye, or whose broker did: no proof alone, since battery devices leave after each
message, but one usual gap is enough then."""

AWAKE = 3.0
"""Gaps of a device, at its pace, that count as time in which it was heard; what is beyond was perhaps none."""

PACE_REACH = 30.0
"""Times its pace up to which a gap counts in the pace of a device: a night off is no pace."""

STRETCH = 1.5
"""How much the longest gap may grow by one silence that ended: a device that reports less often from now on is
believed after a few, a device that died and was repaired is not."""


class Heartbeats(Rows):
    """The gaps between the messages of every device, by the gateway's clock, in ns; one column per device.

    `before` is the longest as it was before the last silence that ended, or the last word of a person on one;
    `is_faulty` where a person called the silence that goes on a fault. `awake_s`
    are the seconds in which a device was heard, long gaps left out; `span_s` and `square_s` sum up its gaps of late.
    """

    def __init__(self, floor_s: float) -> None:
        self._floor = floor_s * SECOND
        super().__init__(
            {
                "beats": ((), np.int64, 0),
                "last_at": ((), np.int64, 0),
                "heard_from": ((), np.int64, 0),
                "awake_s": ((), np.float64, 0.0),
                "span_s": ((), np.float64, 0.0),
                "square_s": ((), np.float64, 0.0),
                "longest": ((), np.float64, 0.0),
                "before": ((), np.float64, 0.0),
                "mean": ((), np.float64, 0.0),
                "deviation": ((), np.float64, 0.0),
                "is_gone": ((), np.bool_, False),
                "is_faulty": ((), np.bool_, False),
            }
        )

    def learn_many(self, devices: Ints, received_at: Ints, heard_from: Ints) -> Floats:
        """Messages arrived; several readings of one message count once. Gaps across `heard_from` (ns) prove nothing.

        Returns the `awake_s` of the device of each reading.
        """
        is_repeat = np.zeros(len(devices), bool)
        is_repeat[1:] = (devices[1:] == devices[:-1]) & (received_at[1:] == received_at[:-1])
        devices, received_at, heard_from = devices[~is_repeat], received_at[~is_repeat], heard_from[~is_repeat]
        awake_s = np.zeros(len(devices))
        for turn in rounds(devices):
            self._beat(stretch(devices[turn]), received_at[turn], heard_from[turn])
            awake_s[turn] = self.arrays["awake_s"][devices[turn]]
        return np.asarray(awake_s[np.cumsum(~is_repeat) - 1])

    def _beat(self, rows: Places, at: Ints, heard_from: Ints) -> None:
        a = self.arrays
        a["heard_from"][rows] = np.maximum(a["heard_from"][rows], heard_from)
        last, longest = a["last_at"][rows], a["longest"][rows]
        is_new = at > last
        is_gap = is_new & (a["beats"][rows] > 0) & (a["heard_from"][rows] <= last) & ~a["is_faulty"][rows]
        gap = np.where(is_gap, (at - last).astype(np.float64), 0.0)
        was_silent = (a["beats"][rows] >= BEATS) & (gap >= self._limit(rows))
        gap = np.where(was_silent, np.minimum(gap, STRETCH * longest), gap)
        a["before"][rows] = np.where(was_silent, longest, a["before"][rows])
        a["longest"][rows] = np.where(is_gap, faded(longest, gap), longest)
        self._wake(rows, gap / SECOND)
        self._learn_habit(rows, gap, is_gap)
        a["beats"][rows] += is_new
        a["last_at"][rows] = np.maximum(at, last)
        a["is_gone"][rows] = a["is_faulty"][rows] = False

    def _wake(self, rows: Places, gap_s: Floats) -> None:
        """Count how long a device was heard: its gap, up to some times its pace.

        That is the mean of its gaps by time, not by message: of a device that sends its sensors one by one, at once,
        it is how long it then waits.
        """
        a = self.arrays
        span_s, square_s = a["span_s"][rows], a["square_s"][rows]
        pace_s = np.where(span_s > 0.0, square_s / np.where(span_s > 0.0, span_s, 1.0), np.inf)
        a["awake_s"][rows] += np.minimum(gap_s, AWAKE * pace_s)
        rate, gap_s = np.where(gap_s > 0.0, RATE, 0.0), np.minimum(gap_s, PACE_REACH * pace_s)
        a["span_s"][rows] = (1.0 - rate) * span_s + gap_s
        a["square_s"][rows] = (1.0 - rate) * square_s + gap_s * gap_s

    def _learn_habit(self, rows: Places, gap: Floats, is_gap: npt.NDArray[np.bool_]) -> None:
        a = self.arrays
        rate = np.where(is_gap, ewma_rate(RATE, a["beats"][rows].astype(np.float64)), 0.0)
        off = np.abs(gap - a["mean"][rows])
        a["mean"][rows] += rate * (gap - a["mean"][rows])
        a["deviation"][rows] += rate * (off - a["deviation"][rows])

    def resume(self, at: int) -> None:
        """Until `at` the gateway was deaf: a gap across it proves nothing."""
        self.arrays["heard_from"][: self.count] = at
        self.arrays["last_at"][: self.count] = np.minimum(self.arrays["last_at"][: self.count], at)

    def depart(self, device: int, *, is_gone: bool) -> None:
        """The device, or the broker in its name, said that it is gone, or there again."""
        self.arrays["is_gone"][device] = is_gone

    def accept(self, device: int, at: int) -> bool:
        """A silence that has lasted until `at` is within the habit from now on; returns whether there is one."""
        is_silent = self._is_silent(device, at)
        if is_silent:
            self.allow(device, self._paused(device, at))
        return is_silent

    def allow(self, device: int, pause: int) -> None:
        """A pause of so many ns is within the habit from now on."""
        a = self.arrays
        if pause > a["longest"][device]:
            a["before"][device], a["longest"][device] = a["longest"][device], pause

    def confirm(self, device: int) -> None:
        """The silence that goes on is a fault: nothing of it will be learned."""
        self.arrays["is_faulty"][device] = True

    def forgive(self, device: int) -> None:
        """The silence that goes on is no fault."""
        self.arrays["is_faulty"][device] = False

    def take_back(self, device: int) -> None:
        """The last silence that ended was a fault, or what was said of it a mistake: it has taught nothing."""
        a = self.arrays
        if a["before"][device] > 0.0:
            a["longest"][device] = min(a["longest"][device], a["before"][device])

    def _is_silent(self, device: int, at: int) -> bool:
        is_known = self.arrays["beats"][device] >= BEATS
        return bool(is_known and self._paused(device, at) >= self._limit(np.array([device]))[0])

    def _paused(self, device: int, at: int) -> int:
        return int(at - max(self.arrays["last_at"][device], self.arrays["heard_from"][device]))

    def _limit(self, rows: Places) -> Floats:
        """How long (ns) each of `rows` may pause before it counts as silent."""
        longest, mean, deviation, is_gone = (
            self.arrays[name][rows] for name in ("longest", "mean", "deviation", "is_gone")
        )
        gaps = np.where(deviation > IRREGULAR * mean, EVENT_GAPS, GAPS)
        return np.asarray(np.maximum(np.where(is_gone, GONE_GAPS, gaps) * longest, self._floor))

    def is_by_events(self) -> npt.NDArray[np.bool_]:
        """Whether each device reports when something happens, and not by the clock."""
        mean, deviation = self.arrays["mean"][: self.count], self.arrays["deviation"][: self.count]
        return np.asarray(deviation > IRREGULAR * mean)

    def score(self, at: int, excused_until: Ints | int = 0) -> Floats:
        """How silent each device is at `at`, in [0, 1]; 0.5 at some times its longest gap and at least the floor.

        What lies before `excused_until` (ns, for all or for each device) does not count.
        """
        known = slice(0, self.count)
        last_at, heard_from, beats = (self.arrays[name][known] for name in ("last_at", "heard_from", "beats"))
        elapsed = np.maximum(at - np.maximum(np.maximum(last_at, heard_from), excused_until), 0)
        return np.where(beats >= BEATS, elapsed / (elapsed + self._limit(known)), 0.0)


def faded(longest: Floats, gap: Floats) -> Floats:
    """The longest gap known after one more, in any unit of time."""
    return np.maximum(longest - np.minimum(FADING * longest, gap / CHANCES), gap)
