"""What is learned of a device as a whole: are its sensors usual together?

One judgement per round of its sensors (`seats`). Judged is how they stand, each against its own slow mean, by the
`Correlation` of the device: the Mahalanobis distance, averaged over few and over many rounds, each under its own past
(`Tails`). Measured on 40 simulated devices whose sensors share a hidden cause, each with one sensor that begins to
replay its own past week, found within two days at about one false incident per 30 days, by the first average: this
0.70; the same on residuals of the forecasts 0.38 to 0.45; Half-Space Trees on the probabilities of the residuals,
single rounds 0.25, averaged 0.47 and half a day late.
Nothing is said of a device whose sensors all are coarse: which of their few values come together hangs on how they are
rounded. A reading an hour told 0.2 of the budget of those that read in halves and follow the day.
"""

from collections.abc import Mapping

import numpy as np

from gateway.learning.budget import shares
from gateway.learning.calendar import Almanac
from gateway.learning.correlation import Correlation, Sensors
from gateway.learning.gate import Changes, Gate
from gateway.learning.messages import Readings
from gateway.learning.patience import YOUTH_HANDICAP, youth
from gateway.learning.peaks import CLUSTER, LEAST_DECADES, Grid, Peaks, Traits
from gateway.learning.rows import NEVER, Array, Places, Rows, ewma_rate, positions, stretch
from gateway.learning.seats import Seats
from gateway.learning.tails import Tails
from gateway.records import SECOND, Change, Floats, Ints, Mask, Verdict

_FADING = (0.15, 0.03)
"""Of the newest distance in each average. Of sensors that begin to replay their own past the first alone finds 0.58 to
0.71, the second alone 0.62 to 0.79 two to three times as late, both 0.62 to 0.75; single rounds a third less."""

_TRAITS = Traits(*(np.full(len(_FADING), trait) for trait in (0.0, 0.0, 0.0, CLUSTER, 0)))
_CAP = 40.0  # the largest distance in the average: one glitch must not carry it for long
_EARLIEST = 20.0  # rounds before the average is one
_WARM_UP = 200.0  # rounds before anything is said
_TRIALS = 1.0
"""The two averages go together so closely that the return period asked for is the budget."""

_PACE = 0.02  # of the newest interval between rounds
_LEAST_INTERVAL_S = 1e-3
_NEVER_SAID = 1e6  # decades


class Joint:
    """The joint evidence of all devices of more than one sensor: only those have a seat, a column of the arrays."""

    def __init__(self, almanac: Almanac, adopt_after_s: float) -> None:
        self._almanac = almanac
        self._budget_s: Floats = np.zeros(0)
        self._sensors, self._correlation = Sensors(), Correlation()
        self._tails, self._gate = Tails(_TRAITS, 0), Gate(adopt_after_s)
        self._seats = Seats(self._sensors, self._gate)
        self._averages = Rows(
            {
                "born_at": ((), np.int64, NEVER),
                "interval_s": ((), np.float64, 0.0),
                "judged": ((), np.float64, 0.0),
                "average": ((len(_FADING),), np.float64, 0.0),
            }
        )
        self._parts = {
            "sensors": self._sensors,
            "seats": self._seats,
            "averages": self._averages,
            "correlation": self._correlation,
            "tails": self._tails,
            "gate": self._gate,
        }

    def grow(self, seat_of: Ints, place: Ints, budget_s: Floats) -> None:
        """Take note of new streams: per stream the seat of its device (-1 without one) and its place among its sensors.

        `budget_s` is, per seat, the time between two acceptable false alarms of the whole device.
        """
        self._budget_s = budget_s
        self._seats.seat(seat_of, place)
        for part in (self._averages, self._correlation, self._tails, self._gate):
            part.grow(self._seats.count)

    def learn_many(self, stream: Ints, observed_at: Ints, value: Floats, is_rate: Mask) -> tuple[Floats, Changes]:
        """The score of the round that each reading completes, and what that does to the incident of its device.

        `value` is what is learned of each sensor, of a counter its rate.

        A score of 0.5 and above is an alarm; it is NaN where a reading completes no round.
        """
        score, change = np.full(len(stream), np.nan), np.zeros(len(stream), np.uint8)
        seats: Ints = self._seats.seat_of[stream]
        is_seated = seats >= 0
        seated = positions(is_seated)
        if len(seated) < len(stream):
            self._seats.hear(stream[~is_seated])
        readings = Readings(stream, seats, observed_at, value, is_rate)
        for ended in self._seats.take_in(readings, seated) if len(seated) else ():
            score[ended], change[ended] = self._judge(seats[ended], observed_at[ended], stream[ended])
        return score, change

    def judge(self, stream: int, verdict: Verdict) -> None:
        """Take a person's word on the incident of the device of this stream."""
        if self._seats.seat_of[stream] >= 0:
            self._gate.judge(self._seats.seat_of[[stream]], verdict)

    def _judge(self, seats: Ints, observed_at: Ints, by: Ints) -> tuple[Floats, Changes]:
        """Score and change of the round just completed by each of `seats`; then learn it."""
        at = stretch(seats)
        features, width = self._seats.arrays["features"][:, at], self._seats.arrays["width"][at]
        distance = self._correlation.distance(at, features[: width.max()])
        found = self._exceed(seats, at, distance, observed_at)
        decades = np.zeros(len(seats))
        np.maximum.at(decades, found.place, self._tails.decades(found))
        decades[~self._seats.arrays["is_fine"][at]] = 0.0
        young = youth(self._almanac, self._averages.arrays["born_at"][at], observed_at)
        doubt = np.minimum(YOUTH_HANDICAP * young, decades)
        decades = decades - doubt
        interval_s, share_s = self._interval_s(at), self._share_s(at)
        threshold = self._threshold(at, interval_s, share_s)
        is_outside = self._gate.outside(at, self._averages.arrays["average"][0, at])
        change = self._gate.step(seats, observed_at, decades, threshold, is_outside)
        self._gate.spend(at, change, interval_s, share_s)
        self._open(seats[change == Change.OPEN])
        self._tails.learn(at, found)
        self._learn(seats, features, distance, width)
        self._seats.end(seats, observed_at, by)
        return self._gate.score(at, decades, threshold, doubt), change

    def _open(self, opened: Ints) -> None:
        """Incidents have opened on these seats."""
        if len(opened):
            self._gate.hold(opened, self._tails.band(opened, 0))

    def _learn(self, seats: Ints, features: Floats, distance: Floats, width: Ints) -> None:
        """Take in how the sensors stand, but not while an incident is open."""
        trusted = positions(~self._gate.is_open(seats))
        if len(trusted) < len(seats):
            seats, features, distance, width = seats[trusted], features[:, trusted], distance[trusted], width[trusted]
        self._correlation.learn(stretch(seats), features, distance, width)

    def _exceed(self, seats: Ints, at: Places, distance: Floats, observed_at: Ints) -> Peaks:
        """Count the round and find the averaged distances that are larger than usual."""
        a = self._averages.arrays
        judged = a["judged"][at] + 1.0
        a["judged"][at] = judged
        is_first = judged == 1.0
        a["born_at"][at] = np.where(is_first, observed_at, np.minimum(a["born_at"][at], observed_at))
        gap = np.where(is_first, 0.0, np.maximum(observed_at - self._seats.arrays["ended_at"][at], 0) / SECOND)
        usual, average = a["interval_s"][at], a["average"][:, at]
        a["interval_s"][at] = usual + ewma_rate(_PACE, judged - 1.0) * (gap - usual)
        rates = np.stack([ewma_rate(fading, judged) for fading in _FADING])
        average = average + rates * (np.minimum(distance, _CAP) - average)
        a["average"][:, at] = average
        statistic = np.where(judged > _EARLIEST, average, np.nan)
        nothing = np.zeros(len(seats))
        return self._tails.exceed(seats, statistic, Grid(nothing, nothing, np.ones((1, len(seats)))))

    def _threshold(self, at: Places, interval_s: Floats, share_s: Floats) -> Floats:
        """log10 of the return period, in rounds, that spends exactly the budget; infinite patience while young."""
        needed = np.log10(_TRIALS * share_s / interval_s)
        needed = np.maximum(needed + self._gate.arrays["strictness"][at], LEAST_DECADES)
        return np.where(self._averages.arrays["judged"][at] <= _WARM_UP, _NEVER_SAID, needed)

    def _interval_s(self, at: Places) -> Floats:
        """The usual time between two rounds."""
        return np.maximum(self._averages.arrays["interval_s"][at], _LEAST_INTERVAL_S)

    def _share_s(self, at: Places) -> Floats:
        """The time between two acceptable false alarms of what is judged here, one of those who share the device's."""
        return np.asarray(self._budget_s[at] * shares(self._seats.arrays["known"][at]))

    def opened(self) -> tuple[Ints, Floats]:
        """Streams of devices judged here, one of each, and how many incidents their togetherness lately opens."""
        seats, streams = np.unique(self._seats.seat_of, return_index=True)
        is_seat = seats >= 0
        return streams[is_seat], self._gate.arrays["opened"][seats[is_seat]]

    def adopt(self, other: "Joint", theirs: Ints, ours: Ints) -> None:
        """Take over all streams of some devices of another: `ours` become what `theirs` are."""
        parts, its = other._parts, other._seats.seat_of  # noqa: SLF001 - of the same class
        self._sensors.adopt(parts["sensors"], theirs, ours)
        seats = np.unique(np.stack([its[theirs], self._seats.seat_of[ours]])[:, its[theirs] >= 0], axis=1)
        for name in self._parts.keys() - {"sensors"}:
            self._parts[name].adopt(parts[name], *seats)
        rows = np.zeros(len(its), np.int64)
        rows[theirs] = ours
        a = self._seats.arrays
        has_ended = a["ended_at"][seats[1]] != NEVER
        a["ended_by"][seats[1]] = np.where(has_ended, rows[a["ended_by"][seats[1]] * has_ended], 0)

    def resume(self, at: int, leap: int, ours: Ints) -> None:
        """Our clock, which dates the streams `ours`, reads `at`, set by `leap` ns: by that no time passed."""
        seats = np.unique(self._seats.seat_of[ours])
        seats = seats[seats >= 0]
        for part, times in ((self._seats, ("begun_at", "ended_at")), (self._averages, ("born_at",))):
            part.shift(leap, seats, *times)
            part.rewind(at, seats, *times)

    def dumps(self) -> dict[str, Array]:
        """The whole state, as arrays by name."""
        return {f"{name}/{key}": value for name, part in self._parts.items() for key, value in part.dumps().items()}

    def loads(self, saved: Mapping[str, Array]) -> None:
        """Become what was saved by `dumps`."""
        for name, part in self._parts.items():
            part.loads({key.split("/")[1]: value for key, value in saved.items() if key.startswith(f"{name}/")})
