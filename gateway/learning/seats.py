"""Rounds of the sensors of a device: when has every one of them reported since the last round?

A round ends with the reading that completes it: every sensor of the device known so far, that is learned before, has
reported. That depends on the readings alone, so how they were batched cannot matter. A sensor's first reading makes it
known and does not count, so that rounds fall in step with messages that hold all sensors; one that has not been heard
for `PATIENCE` is no longer waited for.
"""

from collections.abc import Iterator

import numpy as np

from gateway.learning.correlation import FEATURES, UNHEARD, Sensors
from gateway.learning.gate import Gate
from gateway.learning.messages import Readings, split
from gateway.learning.rows import NEVER, SET_BACK, Rows, positions, rounds
from gateway.records import SECOND, Floats, Ints, Mask

PATIENCE = 86_400 * SECOND
"""How long a round waits for a sensor that is not heard."""


class Seats(Rows):
    """Of every device of more than one sensor, its seat: who is known, who has reported, and how they stand."""

    def __init__(self, sensors: Sensors, gate: Gate) -> None:
        """`sensors` are those of all streams; what `gate` has an incident of does not move their usual level."""
        super().__init__(
            {
                "known": ((), np.int64, 0),
                "width": ((), np.int64, 0),
                "round": ((), np.int64, 1),
                "reported": ((), np.int64, 0),
                "begun_at": ((), np.int64, 0),
                "ended_at": ((), np.int64, NEVER),
                "ended_by": ((), np.int64, 0),
                "is_fine": ((), np.bool_, False),
                "features": ((FEATURES,), np.float64, 0.0),
            }
        )
        self._sensors, self._gate = sensors, gate
        self.seat_of: Ints = np.zeros(0, np.int64)
        self._dimension: Ints = np.zeros(0, np.int64)
        self._is_apart: Mask = np.zeros(0, bool)

    def seat(self, seat_of: Ints, place: Ints) -> None:
        """Take note of new streams: per stream the seat of its device (-1 without one) and its place among its sensors.

        Seats are numbered by the order in which devices got a second stream; a stream's place never changes.
        """
        before = np.append(self.seat_of, np.full(len(seat_of) - len(self.seat_of), UNHEARD))
        self.seat_of, self._dimension, self._is_apart = seat_of, place % FEATURES, place < FEATURES
        self._sensors.grow(len(seat_of))
        self.grow(int(seat_of.max(initial=-1)) + 1)
        is_heard = self._sensors.arrays["round"][: len(seat_of)] == 0
        heard = positions((seat_of >= 0) & (before < 0) & is_heard)
        self.arrays["known"][seat_of[heard]] = 1
        self.arrays["width"][seat_of[heard]] = 1

    def hear(self, alone: Ints) -> None:
        """Streams of devices without a seat were heard."""
        self._sensors.arrays["round"][alone] = 0

    def take_in(self, readings: Readings, places: Ints) -> Iterator[Ints]:
        """Take in the readings at `places`; gives those that end a round, to be judged before the next is begun.

        Whole messages are taken in at once, which is the same, bit for bit, and less work.
        """
        seat = readings.seat[places]
        left = places if (seat[1:] >= seat[:-1]).all() else places[np.argsort(seat, kind="stable")]
        odd = []
        while len(left):
            message, left, rest = split(readings, left, self.arrays["known"], self._is_whole)
            odd.append(rest)
            if len(message):
                yield message[self._report_all(readings.at(message))]
        rest = odd[0] if len(odd) == 1 else np.concatenate(odd)
        for turn in rounds(readings.seat[rest]):
            done = self._report(readings.at(rest[turn]))
            if len(done):
                yield rest[turn[done]]

    def _is_whole(self, message: Readings, starts: Ints) -> Mask:
        """Whether each of the messages beginning at `starts` is one round, of every known sensor once."""
        a, (rows, seat, at, *_), place = self.arrays, message, np.arange(len(message.stream))
        first = np.repeat(starts, np.diff(np.append(starts, len(rows))))
        latest = np.empty(len(self.seat_of), np.int64)
        latest[rows] = place
        is_plain = (latest[rows] == place) & (self._sensors.arrays["round"][rows] == a["round"][seat] - 1)
        is_plain &= self._is_apart[rows] & (np.abs(at - at[first]) <= SET_BACK)
        begins = (a["reported"][seat[starts]] == 0) & (a["ended_at"][seat[starts]] != at[starts])
        return np.asarray(np.logical_and.reduceat(is_plain, starts) & begins)

    def _report_all(self, message: Readings) -> Ints:
        """Take in a whole message of each of some devices; returns where each ends."""
        rows, seat, observed_at, value, is_rate = message
        ends = positions(np.append(seat[1:] != seat[:-1], True))
        seats, a = seat[ends], self.arrays
        stand = self._sensors.learn(rows, value, is_rate, ~self._gate.is_open(seat))
        a["begun_at"][seats] = observed_at[np.append(0, ends[:-1] + 1)]
        a["reported"][seats] = a["known"][seats]
        self._stand(rows, seat, stand)
        self._sensors.arrays["stand"][rows] = stand
        return ends

    def _report(self, readings: Readings) -> Ints:
        """Take in one reading of each of some devices; returns the positions of those that complete a round."""
        rows, seats, observed_at, value, is_rate = readings
        sensors, a = self._sensors.arrays, self.arrays
        is_new = sensors["round"][rows] < a["round"][seats] - 1
        if is_new.any():
            self._meet(rows[is_new], seats[is_new])
        taken = positions(~is_new & (a["known"][seats] > 1))
        rows, seats, observed_at = rows[taken], seats[taken], observed_at[taken]
        self._mend(rows, seats, observed_at)
        stand = self._sensors.learn(rows, value[taken], is_rate[taken], ~self._gate.is_open(seats))
        is_again = sensors["round"][rows] == a["round"][seats]
        begins = (a["reported"][seats] == 0) | (
            observed_at < a["begun_at"][seats] - SET_BACK
        )  # or its clock was set back
        a["begun_at"][seats] = np.where(begins, observed_at, a["begun_at"][seats])
        a["reported"][seats] += ~is_again
        self._stand(rows, seats, stand - np.where(is_again, sensors["stand"][rows], 0.0))
        sensors["stand"][rows] = stand
        is_whole = a["reported"][seats] == a["known"][seats]
        late = positions(~is_whole & (observed_at - a["begun_at"][seats] > PATIENCE))
        if len(late):
            self.end(seats[late], observed_at[late], rows[late])
        return np.asarray(taken[is_whole])

    def _meet(self, rows: Ints, seats: Ints) -> None:
        """Sensors that were not known."""
        a = self.arrays
        self._sensors.arrays["round"][rows] = a["round"][seats] - 1
        a["known"][seats] += 1
        a["width"][seats] = np.maximum(a["width"][seats], self._dimension[rows] + 1)

    def _mend(self, rows: Ints, seats: Ints, observed_at: Ints) -> None:
        """Where the last round ended amid what was observed at one time, its last reading counts for this round too.

        Otherwise one lost reading would leave rounds of two halves of messages for ever.
        """
        a, by = self.arrays, self.arrays["ended_by"][seats]
        is_split = (a["reported"][seats] == 0) & (a["ended_at"][seats] == observed_at) & (by != rows)
        if is_split.any():
            by, seats = by[is_split], seats[is_split]
            a["reported"][seats] = 1
            a["begun_at"][seats] = observed_at[is_split]
            self._stand(by, seats, self._sensors.arrays["stand"][by])

    def _stand(self, rows: Ints, seats: Ints, stand: Floats) -> None:
        """Add to the features of the round; sensors beyond `FEATURES` share dimensions, each the sum of its sensors."""
        a = self.arrays
        a["features"][self._dimension[rows], seats] += stand
        a["is_fine"][seats[self._sensors.is_fine(rows)]] = True
        self._sensors.arrays["round"][rows] = a["round"][seats]

    def end(self, seats: Ints, observed_at: Ints, by: Ints) -> None:
        """Begin the next round; sensors that have not reported are forgotten."""
        a = self.arrays
        a["known"][seats] = a["reported"][seats]
        a["reported"][seats] = 0
        a["features"][:, seats], a["is_fine"][seats] = 0.0, False
        a["round"][seats] += 1
        a["ended_at"][seats] = observed_at
        a["ended_by"][seats] = by
