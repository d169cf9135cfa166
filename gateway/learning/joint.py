"""What is learned of a device as a whole: are its sensors usual together?

One judgement per *round*, which ends with the reading that completes it: every sensor of the device known so far, that
is learned before, has reported since the last round. That depends on the readings alone, so how they were batched
cannot matter. A sensor's first reading makes it known and does not count, so that rounds fall in step with messages
that hold all sensors; one that has not been heard for `_PATIENCE` is no longer waited for.

Judged is how the sensors stand, each against its own slow mean, by the `Correlation` of the device: the Mahalanobis
distance, averaged over some rounds, under its own past (`Tails`). Measured on 40 simulated devices whose sensors share
a hidden cause, each with one sensor that begins to replay its own past week, found within two days at about one false
incident per 30 days: this 0.70; the same on residuals of the forecasts 0.38 to 0.45; Half-Space Trees on the
probabilities of the residuals, single rounds 0.25, averaged 0.47 and half a day late.
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gateway.learning.budget import shares
from gateway.learning.correlation import FEATURES, UNHEARD, Correlation, Mask, Sensors
from gateway.learning.gate import Gate, Phase
from gateway.learning.messages import Readings, split
from gateway.learning.rows import NEVER, SET_BACK, Array, Rows, ewma_rate, rounds
from gateway.learning.tails import Peaks, Tails
from gateway.records import SECOND, Change, Floats, Ints, Verdict

_DAY_S = 86_400.0
_PATIENCE = int(_DAY_S) * SECOND
_FADING = 0.15  # of the newest distance in the average; single rounds find a third less, 0.03 is three times as late
_CAP = 40.0  # the largest distance in the average: one glitch must not carry it for long
_EARLIEST = 20.0  # rounds before the average is one
_WARM_UP = 200.0  # rounds before anything is said
_YOUTH_S = 2 * _DAY_S
_YOUTH_HANDICAP = 4.0  # decades less believed at birth, fading: what was never seen may be the first evening
_LEAST_DECADES = 2.0
_TRIALS = 1.0
"""One statistic is watched, so the return period asked for is the budget."""

_PACE = 0.02  # of the newest interval between rounds
_LEAST_INTERVAL_S = 1e-3
_NEVER_SAID = 1e6  # decades
_ALARM = 0.5

Changes: TypeAlias = npt.NDArray[np.uint8]


class Joint:
    """The joint evidence of all devices of more than one sensor: only those have a seat, a column of the arrays."""

    def __init__(self, adopt_after_s: float) -> None:
        self._budget_s: Floats = np.zeros(0)
        self._sensors, self._correlation = Sensors(), Correlation()
        self._tails, self._gate = Tails(np.zeros(1)), Gate(adopt_after_s)
        self._seats = Rows(
            {
                "known": ((), np.int64, 0),
                "width": ((), np.int64, 0),
                "round": ((), np.int64, 1),
                "reported": ((), np.int64, 0),
                "begun_at": ((), np.int64, 0),
                "ended_at": ((), np.int64, NEVER),
                "ended_by": ((), np.int64, 0),
                "born_at": ((), np.int64, NEVER),
                "interval_s": ((), np.float64, 0.0),
                "features": ((FEATURES,), np.float64, 0.0),
                "judged": ((), np.float64, 0.0),
                "average": ((), np.float64, 0.0),
            }
        )
        self._parts = {
            "sensors": self._sensors,
            "seats": self._seats,
            "correlation": self._correlation,
            "tails": self._tails,
            "gate": self._gate,
        }
        self._seat_of: Ints = np.zeros(0, np.int64)
        self._dimension: Ints = np.zeros(0, np.int64)
        self._is_apart: Mask = np.zeros(0, bool)

    def grow(self, seat_of: Ints, place: Ints, budget_s: Floats) -> None:
        """Take note of new streams: per stream the seat of its device (-1 without one) and its place among its sensors.

        `budget_s` is, per seat, the time between two acceptable false alarms of the whole device.
        Seats are numbered by the order in which devices got a second stream; a stream's place never changes.
        """
        old, self._dimension = self._seat_of, place % FEATURES
        before = np.append(old, np.full(len(seat_of) - len(old), UNHEARD))
        self._seat_of, self._budget_s, self._is_apart = seat_of, budget_s, place < FEATURES
        self._sensors.grow(len(seat_of))
        for part in (self._seats, self._correlation, self._tails, self._gate):
            part.grow(int(seat_of.max(initial=-1)) + 1)
        is_heard = self._sensors.arrays["round"][: len(seat_of)] == 0
        heard = np.flatnonzero((seat_of >= 0) & (before < 0) & is_heard)
        self._seats.arrays["known"][seat_of[heard]] = 1
        self._seats.arrays["width"][seat_of[heard]] = 1

    def learn_many(self, stream: Ints, observed_at: Ints, value: Floats, is_rate: Mask) -> tuple[Floats, Changes]:
        """The score of the round that each reading completes, and what that does to the incident of its device.

        `value` is what is learned of each sensor, of a counter its rate.

        A score of 0.5 and above is an alarm; it is NaN where a reading completes no round.
        """
        score, change = np.full(len(stream), np.nan), np.zeros(len(stream), np.uint8)
        seats: Ints = self._seat_of[stream]
        alone = stream[seats < 0]
        self._sensors.arrays["round"][alone] = 0
        if len(alone) == len(stream):
            return score, change
        readings = Readings(stream, seats, observed_at, value, is_rate)
        for ended in self._take_in(readings, np.flatnonzero(seats >= 0)):
            score[ended], change[ended] = self._judge(seats[ended], observed_at[ended], stream[ended])
        return score, change

    def judge(self, stream: int, verdict: Verdict) -> None:
        """Take a person's word on the incident of the device of this stream."""
        if self._seat_of[stream] >= 0:
            self._gate.judge(self._seat_of[[stream]], verdict)

    def _take_in(self, readings: Readings, places: Ints) -> Iterator[Ints]:
        """Take in the readings at `places`; gives those that end a round, to be judged before the next is begun.

        Whole messages are taken in at once, which is the same, bit for bit, and less work.
        """
        left, odd = places[np.argsort(readings.seat[places], kind="stable")], []
        while len(left):
            message, left, rest = split(readings, left, self._seats.arrays["known"], self._is_whole)
            odd.append(rest)
            if len(message):
                yield message[self._report_all(readings.at(message))]
        rest = np.concatenate(odd)
        for turn in rounds(readings.seat[rest]):
            done = self._report(readings.at(rest[turn]))
            if len(done):
                yield rest[turn[done]]

    def _is_whole(self, message: Readings, starts: Ints) -> Mask:
        """Whether each of the messages beginning at `starts` is one round, of every known sensor once."""
        a, (rows, seat, at, *_), place = self._seats.arrays, message, np.arange(len(message.stream))
        first = np.repeat(starts, np.diff(np.append(starts, len(rows))))
        latest = np.empty(len(self._seat_of), np.int64)
        latest[rows] = place
        is_plain = (latest[rows] == place) & (self._sensors.arrays["round"][rows] == a["round"][seat] - 1)
        is_plain &= self._is_apart[rows] & (np.abs(at - at[first]) <= SET_BACK)
        begins = (a["reported"][seat[starts]] == 0) & (a["ended_at"][seat[starts]] != at[starts])
        return np.asarray(np.logical_and.reduceat(is_plain, starts) & begins)

    def _report_all(self, message: Readings) -> Ints:
        """Take in a whole message of each of some devices; returns where each ends."""
        rows, seat, observed_at, value, is_rate = message
        ends = np.flatnonzero(np.append(seat[1:] != seat[:-1], True))
        seats, a = seat[ends], self._seats.arrays
        stand = self._sensors.learn(rows, value, is_rate, ~self._gate.is_open(seat))
        a["begun_at"][seats] = observed_at[np.append(0, ends[:-1] + 1)]
        a["reported"][seats] = a["known"][seats]
        self._stand(rows, seat, stand)
        self._sensors.arrays["stand"][rows] = stand
        return ends

    def _report(self, readings: Readings) -> Ints:
        """Take in one reading of each of some devices; returns the positions of those that complete a round."""
        rows, seats, observed_at, value, is_rate = readings
        sensors, a = self._sensors.arrays, self._seats.arrays
        is_new = sensors["round"][rows] < a["round"][seats] - 1
        if is_new.any():
            self._meet(rows[is_new], seats[is_new])
        taken = np.flatnonzero(~is_new & (a["known"][seats] > 1))
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
        is_late = ~is_whole & (observed_at - a["begun_at"][seats] > _PATIENCE)
        self._end(seats[is_late], observed_at[is_late], rows[is_late])
        return np.asarray(taken[is_whole])

    def _meet(self, rows: Ints, seats: Ints) -> None:
        """Sensors that were not known."""
        a = self._seats.arrays
        self._sensors.arrays["round"][rows] = a["round"][seats] - 1
        a["known"][seats] += 1
        a["width"][seats] = np.maximum(a["width"][seats], self._dimension[rows] + 1)

    def _mend(self, rows: Ints, seats: Ints, observed_at: Ints) -> None:
        """Where the last round ended amid what was observed at one time, its last reading counts for this round too.

        Otherwise one lost reading would leave rounds of two halves of messages for ever.
        """
        a, by = self._seats.arrays, self._seats.arrays["ended_by"][seats]
        is_split = (a["reported"][seats] == 0) & (a["ended_at"][seats] == observed_at) & (by != rows)
        if is_split.any():
            by, seats = by[is_split], seats[is_split]
            a["reported"][seats] = 1
            a["begun_at"][seats] = observed_at[is_split]
            self._stand(by, seats, self._sensors.arrays["stand"][by])

    def _stand(self, rows: Ints, seats: Ints, stand: Floats) -> None:
        """Add to the features of the round; sensors beyond `FEATURES` share dimensions, each the sum of its sensors."""
        a = self._seats.arrays
        a["features"][self._dimension[rows], seats] += stand
        self._sensors.arrays["round"][rows] = a["round"][seats]

    def _end(self, seats: Ints, observed_at: Ints, by: Ints) -> None:
        """Begin the next round; sensors that have not reported are forgotten."""
        a = self._seats.arrays
        a["known"][seats] = a["reported"][seats]
        a["reported"][seats] = 0
        a["features"][:, seats] = 0.0
        a["round"][seats] += 1
        a["ended_at"][seats] = observed_at
        a["ended_by"][seats] = by

    def _judge(self, seats: Ints, observed_at: Ints, by: Ints) -> tuple[Floats, Changes]:
        """Score and change of the round just completed by each of `seats`; then learn it."""
        a = self._seats.arrays
        features, width = a["features"][:, seats], a["width"][seats]
        distance = self._correlation.distance(seats, features[: width.max()])
        found = self._exceed(seats, distance, observed_at)
        decades = np.zeros(len(seats))
        decades[found.place] = self._tails.decades(found)
        age_s = (observed_at - a["born_at"][seats]) / SECOND
        decades = np.maximum(decades - _YOUTH_HANDICAP * np.maximum(1.0 - age_s / _YOUTH_S, 0.0), 0.0)
        threshold = self._threshold(seats)
        is_outside = self._gate.outside(seats, a["average"][seats])
        change = self._gate.step(seats, observed_at, decades, threshold, is_outside)
        opened = seats[change == Change.OPEN]
        self._gate.hold(opened, (np.full(len(opened), -np.inf), self._tails.band(opened, 0)[1]))
        self._gate.spend(seats, change, self._interval_s(seats), self._share_s(seats))
        self._tails.learn(seats, found)
        is_trusted = ~self._gate.is_open(seats)
        self._correlation.learn(seats[is_trusted], features[:, is_trusted], distance[is_trusted], width[is_trusted])
        self._end(seats, observed_at, by)
        return self._told(seats, decades / (decades + threshold)), change

    def _exceed(self, seats: Ints, distance: Floats, observed_at: Ints) -> Peaks:
        """Count the round and find the averaged distances that are larger than usual."""
        a = self._seats.arrays
        judged = a["judged"][seats] + 1.0
        a["judged"][seats] = judged
        is_first = judged == 1.0
        a["born_at"][seats] = np.where(is_first, observed_at, np.minimum(a["born_at"][seats], observed_at))
        gap = np.where(is_first, 0.0, np.maximum(observed_at - a["ended_at"][seats], 0) / SECOND)
        usual, average = a["interval_s"][seats], a["average"][seats]
        a["interval_s"][seats] = usual + ewma_rate(_PACE, judged - 1.0) * (gap - usual)
        average = average + ewma_rate(_FADING, judged) * (np.minimum(distance, _CAP) - average)
        a["average"][seats] = average
        statistic = np.where(judged > _EARLIEST, average, np.nan)
        # unusually close together is no fault
        return self._tails.exceed(seats, statistic[None], np.zeros(len(seats)), only_upwards=True)

    def _threshold(self, seats: Ints) -> Floats:
        """log10 of the return period, in rounds, that spends exactly the budget; infinite patience while young."""
        needed = np.log10(_TRIALS * self._share_s(seats) / self._interval_s(seats))
        needed = np.maximum(needed + self._gate.arrays["strictness"][seats], _LEAST_DECADES)
        return np.where(self._seats.arrays["judged"][seats] <= _WARM_UP, _NEVER_SAID, needed)

    def _interval_s(self, seats: Ints) -> Floats:
        """The usual time between two rounds."""
        return np.maximum(self._seats.arrays["interval_s"][seats], _LEAST_INTERVAL_S)

    def _share_s(self, seats: Ints) -> Floats:
        """The time between two acceptable false alarms of what is judged here, one of those who share the device's."""
        return np.asarray(self._budget_s[seats] * shares(self._seats.arrays["known"][seats]))

    def opened(self) -> tuple[Ints, Floats]:
        """Streams of devices judged here, one of each, and how many incidents their togetherness lately opens."""
        seats, streams = np.unique(self._seat_of, return_index=True)
        is_seat = seats >= 0
        return streams[is_seat], self._gate.arrays["opened"][seats[is_seat]]

    def _told(self, seats: Ints, score: Floats) -> Floats:
        """The score, an alarm exactly while an incident is open, and 0 while the new normal settles."""
        phase = self._gate.arrays["phase"][seats]
        calm = np.where(phase == Phase.SETTLING, 0.0, np.minimum(score, np.nextafter(_ALARM, 0.0)))
        return np.where(phase == Phase.OPEN, np.maximum(score, _ALARM), calm)

    def adopt(self, other: "Joint", theirs: Ints, ours: Ints) -> None:
        """Take over all streams of some devices of another: `ours` become what `theirs` are."""
        self._sensors.adopt(other._sensors, theirs, ours)  # noqa: SLF001 - of the same class
        is_seated = other._seat_of[theirs] >= 0  # noqa: SLF001
        seats = np.unique(np.stack([other._seat_of[theirs], self._seat_of[ours]])[:, is_seated], axis=1)  # noqa: SLF001
        for name in self._parts.keys() - {"sensors"}:
            self._parts[name].adopt(other._parts[name], *seats)  # noqa: SLF001
        rows = np.zeros(len(other._seat_of), np.int64)  # noqa: SLF001
        rows[theirs] = ours
        a = self._seats.arrays
        has_ended = a["ended_at"][seats[1]] != NEVER
        a["ended_by"][seats[1]] = np.where(has_ended, rows[a["ended_by"][seats[1]] * has_ended], 0)

    def resume(self, at: int, leap: int, ours: Ints) -> None:
        """Our clock, which dates the streams `ours`, reads `at`, set by `leap` ns: by that no time passed."""
        seats = np.unique(self._seat_of[ours])
        seats, times = seats[seats >= 0], ("begun_at", "ended_at", "born_at")
        self._seats.shift(leap, seats, *times)
        self._seats.rewind(at, seats, *times)

    def dumps(self) -> dict[str, Array]:
        """The whole state, as arrays by name."""
        return {f"{name}/{key}": value for name, part in self._parts.items() for key, value in part.dumps().items()}

    def loads(self, saved: Mapping[str, Array]) -> None:
        """Become what was saved by `dumps`."""
        for name, part in self._parts.items():
            part.loads({key.split("/")[1]: value for key, value in saved.items() if key.startswith(f"{name}/")})
