"""All streams of a shard, as arrays: forecast, weigh the evidence, decide, then learn."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gateway.learning.budget import Budget
from gateway.learning.calendar import local_seconds
from gateway.learning.clock import LARGEST, Clock
from gateway.learning.dating import Dating
from gateway.learning.distant import Aim, Distant, Usual, is_turn
from gateway.learning.evidence import KINDS, Evidence, Statistic
from gateway.learning.gate import MEMORY_S, Gate, Phase
from gateway.learning.nature import KindRule, Natures, Scale
from gateway.learning.pool import Outlook, Pool
from gateway.learning.profile import Profile
from gateway.learning.rhythm import Rhythm
from gateway.learning.rows import Array, Rows, rounds
from gateway.learning.shelf import APPEAL_S, STANDING, Shelf
from gateway.learning.tails import Tails
from gateway.learning.weighing import LEAST_EXCESS, weigh
from gateway.records import SECOND, Batch, Change, Floats, Ints, Verdict, Verdicts, blank_verdicts

if TYPE_CHECKING:
    from gateway.learning.chosen import ChosenForecaster

DAY_S = 86_400.0
_TRIALS = 4.0
"""Two dozen correlated tails are watched at once, so the return period asked for is this many times the budget. Set on
19 kinds of simulated healthy streams together with the strictness of `Gate`: 0.95 incidents per 30 days on average."""
_LEAST_DECADES = 2.0
_LEAST_INTERVAL_S = 1e-3
_WARM_UP = 200.0  # readings; the extremes are not filled before
_YOUTH_S = 2 * DAY_S
_REACH_SCALES, _REACH_SPANS = 100.0, 3.0
"""How far a value counts, in mean residuals and in ranges seen. Without a bound one reading of 1e6 on a sensor of 0 to
10 was told again a day later, and one of 1e30 spoilt the forecasts for days. Steps arrive as soon as without it."""
_REACH_SIZES = 1e3  # the same for a sensor that never moved, in sizes of its value

READY = 10
"""Readings before a forecast is published; its interval has found its width by then."""

_KIND = np.array([KINDS[statistic] for statistic in Statistic], np.uint8)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user may set. `budget_s` is the time between two false alarms of one device that is acceptable.

    `budgets` say otherwise for some devices and sensors, `kinds` what some sensors are; the first that matches counts.
    """

    budget_s: float = 30 * DAY_S
    budgets: Sequence[Budget] = ()
    adopt_after_s: float = DAY_S
    zone: ZoneInfo | None = None
    kinds: Sequence[KindRule] = ()


class Streams:
    """The default learner of all streams. A stream is a row number; its state is one column of every array."""

    def __init__(self, policy: Policy | None = None) -> None:
        self._policy = policy or Policy()
        self._clock, self._profile, self._pool = Clock(), Profile(), Pool()
        self._rhythm, self._distant, self._natures = Rhythm(), Distant(), Natures()
        self._evidence, self._tails, self._gate = Evidence(), Tails(LEAST_EXCESS), Gate(self._policy.adopt_after_s)
        self._parts: dict[str, Rows] = {
            "clock": self._clock,
            "natures": self._natures,
            "profile": self._profile,
            "pool": self._pool,
            "rhythm": self._rhythm,
            "distant": self._distant,
            "evidence": self._evidence,
            "tails": self._tails,
            "gate": self._gate,
        }
        self._dating = self._parts["dating"] = Dating()
        self._dated = (
            (self._clock, ("last_at", "born_at")),
            (self._distant, ("due_at", "sent_at")),
            (self._gate, ("opened_at",)),
        )
        self._shelf = Shelf({room: self._parts[room] for room in STANDING}, 2 * len(Statistic))
        self.chosen: dict[int, ChosenForecaster] = {}

    def grow(self, streams: int) -> None:
        """Make room for `streams` streams in all."""
        for part in self._parts.values():
            part.grow(streams)

    def name(self, row: int, device: str, sensor: str) -> None:
        """Who the stream of a new row is; the user may have said what it is."""
        told = next((rule.nature for rule in self._policy.kinds if rule.fits(device, sensor)), None)
        if told is not None:
            self._natures.tell(row, told)

    def is_unheard(self, rows: Ints) -> npt.NDArray[np.bool_]:
        """Whether nothing was learned yet of each of `rows`."""
        return np.asarray(self._clock.arrays["seen"][rows] == 0.0)

    def resume(self, at: int, leap: int = 0) -> None:
        """Our clock reads `at`, and was set by `leap` ns: for streams that it dates no time has passed by that.

        No stream may wait until a clock that was set back has caught up.
        """
        ours = self._dating.ours()
        for part, names in self._dated:
            part.shift(leap, ours, *names)
            part.rewind(at, ours, *names)
        self._dating.doubt(self._clock.arrays["last_at"], at)

    def dated_by_us(self) -> Ints:
        """The streams whose readings have no time of their own."""
        return self._dating.ours()

    def _turn_back(self, batch: Batch) -> None:
        """Let streams go on whose device's clock was set back: as if the reading had come when it was due."""
        is_it = self._dating.is_set_back(batch, self._clock.arrays["last_at"][batch.stream])
        for place in np.flatnonzero(is_it).tolist():
            row, at = batch.stream[[place]], int(batch.observed_at[place])
            due = at - max(int(self._clock.arrays["interval_s"][row[0]] * SECOND), 1)
            for part, names in self._dated:
                part.hold_before(due, row, *names)

    def learn_many(self, batch: Batch, budget_s: Floats | None = None) -> Verdicts:
        """Judge every reading by what was known before it, then learn it; however batched, the same, bit for bit.

        `budget_s` is the time between two acceptable false alarms of each reading's stream, if not that of a device.
        """
        budget_s = np.full(len(batch), self._policy.budget_s) if budget_s is None else budget_s
        verdicts = blank_verdicts(len(batch))
        for turn in rounds(batch.stream):
            if self._dating.has_doubts:
                self._turn_back(batch.at(turn))
            stale = self._clock.is_stale(batch.stream[turn], batch.observed_at[turn])
            verdicts.is_stale[turn] = stale
            fresh = turn[~stale] if stale.any() else turn
            if len(fresh):
                self._round(fresh, batch, budget_s[fresh], verdicts)
        return verdicts

    def judge(self, rows: Ints, verdict: Verdict) -> npt.NDArray[np.uint8]:
        """Take a person's word on the latest incidents of `rows`; returns the `Change` of each.

        A false alarm: the same is not told again. A fault: all is as it was before, and stays so until it is over. New
        normal: what was learned since counts from now on. It can be said for `APPEAL_S` after the incident opened.
        """
        rows = rows[rows < self._gate.count]
        known = rows[self._shelf.holds(rows)]
        if verdict is Verdict.FAULT:
            self._put_back(known, STANDING)
        elif verdict is Verdict.FALSE_ALARM:
            self._tails.allow(known, self._shelf.extremes(known))
        return self._gate.judge(rows, verdict)

    def _round(self, turn: Ints, batch: Batch, budget_s: Floats, verdicts: Verdicts) -> None:
        rows, observed_at = batch.stream[turn], batch.observed_at[turn]
        before = self._clock.arrays["last_at"][rows]
        self._dating.note(rows, observed_at, batch.received_at[turn])
        read = np.clip(batch.value[turn], -LARGEST, LARGEST)
        scale = self._meet(rows, observed_at, read)
        value = scale.learned(read)
        local_s = local_seconds(observed_at, self._policy.zone)
        usual, weekly, seen = self._profile.expect(rows, local_s, self._pool.arrays["slow"][rows])
        cycle = self._rhythm.expect(rows, np.ones(len(rows), np.int64))
        outlook = self._consult(rows, self._pool.predict(rows, usual, cycle), scale)
        value = self._believed(rows, outlook, value)
        known = np.where(seen > 0.0, value - weekly, np.nan)
        statistics, memory = self._evidence.observe(rows, value, outlook, known)
        interval_s = np.maximum(self._clock.arrays["interval_s"][rows], _LEAST_INTERVAL_S)
        grain = self._natures.grain(rows, self._evidence.grain(rows), interval_s)
        found = self._tails.exceed(rows, statistics, grain)
        youth = self._youth(rows, observed_at)
        decades, strongest = weigh(found, self._tails.decades(found), youth, scale.is_counter & (value >= 0.0))
        threshold = self._threshold(rows, interval_s, budget_s)
        is_outside = self._gate.outside(rows, statistics[Statistic.LEVEL])
        change = self._gate.step(rows, observed_at, decades, threshold, is_outside)
        opened = rows[change == Change.OPEN]
        self._gate.spend(rows, change, interval_s, budget_s)
        self._gate.hold(opened, self._tails.band(opened, Statistic.LEVEL))
        if len(opened):
            self._shelf.keep(opened)

        half = self._pool.interval(rows, outlook)
        spoken = self._pool.arrays["seen"][rows] > 0.0
        verdicts.score[turn] = decades / (decades + threshold)
        verdicts.period[turn] = decades + np.log10(interval_s)
        verdicts.kind[turn] = np.where(decades > 0.0, _KIND[strongest], 0)
        verdicts.change[turn] = change
        verdicts.expected[turn] = np.where(spoken, scale.own(outlook.expected), np.nan)
        verdicts.lower[turn] = np.where(spoken, scale.own(outlook.expected - half), np.nan)
        verdicts.upper[turn] = np.where(spoken, scale.own(outlook.expected + half), np.nan)
        counts = np.flatnonzero(scale.is_counter)
        verdicts.base[turn[counts]], verdicts.per_s[turn[counts]] = scale.base[counts], scale.per[counts]

        self._learn_distant(rows, (before, observed_at, local_s), outlook, value, scale)
        self._pool.learn(rows, outlook, value)
        self._rhythm.learn(rows, value)
        self._evidence.learn(rows, value, memory)
        self._profile.learn(rows, local_s, value)
        held = np.flatnonzero(self._shelf.holds(rows))
        on_trial = held[self._gate.is_on_trial(rows[held])]
        self._shelf.note(rows[on_trial], self._tails.beyond(rows[on_trial], statistics[:, on_trial]))
        self._tails.learn(rows, found)
        if len(held):
            self._try(rows[held], observed_at[held], change[held])
        for place, row in self._chosen_in(rows):
            self.chosen[row].learn_one(float(batch.value[turn[place]]))

    def _meet(self, rows: Ints, observed_at: Ints, read: Floats) -> Scale:
        """Take note of a reading of each of `rows`: what they are, and what of it is to be learned."""
        clock, is_first = self._clock.arrays, self.is_unheard(rows)
        since_s = self._clock.advance(rows, observed_at, read)
        is_calm = self._gate.arrays["phase"][rows] == Phase.CALM
        turned, is_reset = self._natures.observe(rows, read, is_first, is_calm)
        if len(turned):
            self._begin_anew(rows[turned], observed_at[turned])
        scale = self._natures.scale(rows, clock["origin"][rows], since_s, clock["interval_s"][rows])
        again = np.flatnonzero(is_reset & scale.is_counter)
        if len(again):  # how fast it counted meanwhile is not known: as before
            scale.base[again] = read[again] - scale.per[again] * self._pool.arrays["lags"][0, rows[again]]
        self._natures.learn(rows, read)
        return scale

    def _begin_anew(self, rows: Ints, observed_at: Ints) -> None:
        """What was learned of these was learned of something that they are not."""
        for name, part in self._parts.items():
            if name not in {"clock", "natures", "gate"}:
                part.renew(rows)
        self._shelf.drop(rows)
        self._clock.arrays["born_at"][rows] = observed_at

    def _try(self, rows: Ints, observed_at: Ints, change: npt.NDArray[np.uint8]) -> None:
        """Settle which of what was learned during an incident counts; there is a copy of each of `rows`."""
        self._put_back(rows[self._gate.is_faulty(rows)], STANDING)
        self._put_back(rows[change == Change.CLOSED], ("profile", "pool"))
        forgiven = self._gate.forgive(rows)
        self._tails.allow(forgiven, self._shelf.extremes(forgiven))
        is_past = observed_at - self._gate.arrays["opened_at"][rows] > APPEAL_S * SECOND
        self._shelf.drop(rows[is_past & ~self._gate.is_open(rows)])

    def _put_back(self, rows: Ints, rooms: Iterable[str]) -> None:
        for room in rooms if len(rows) else ():
            self._shelf.put_back(rows, room, STANDING[room])

    def _learn_distant(
        self, rows: Ints, times: tuple[Ints, Ints, Ints], outlook: Outlook, value: Floats, scale: Scale
    ) -> None:
        """Judge the forecasts farther ahead that come due; now and then send off new ones."""
        before, observed_at, local_s = times
        seen, interval_s = self._clock.arrays["seen"][rows], np.maximum(self._clock.arrays["interval_s"][rows], 1e-3)
        counted = np.where(scale.is_counter, scale.base + scale.per * value, np.nan)
        self._distant.learn(rows, observed_at, interval_s, value, counted)
        turn = np.flatnonzero(is_turn(seen))
        if not len(turn):
            return
        chosen, local_s, slow = rows[turn], local_s[turn], self._pool.arrays["slow"]

        def usual(place: Ints, ahead_s: Floats, steps: Floats) -> Usual:
            row, due = chosen[place], local_s[place] + ahead_s.astype(np.int64)
            return Usual(self._profile.expect(row, due, slow[row])[0], self._rhythm.expect(row, steps.astype(np.int64)))

        moments = before[turn], observed_at[turn], interval_s[turn]
        self._distant.send(chosen, moments, self._aim(rows, outlook).of(turn), usual, scale.base[turn])

    def _aim(self, rows: Ints, outlook: Outlook) -> Aim:
        pool = self._pool.arrays
        return Aim(outlook.lags[0], outlook.expected, pool["level"][rows])

    def _believed(self, rows: Ints, outlook: Outlook, value: Floats) -> Floats:
        """The value, no farther from what was expected than one glitch may carry the means (bounded influence)."""
        clock = self._clock.arrays
        span = self._tails.span(rows, Statistic.HIGHEST, Statistic.LOWEST)
        reach = _REACH_SCALES * outlook.scale + _REACH_SPANS * span
        reach = np.where(reach > 0.0, reach, _REACH_SIZES * (1.0 + np.abs(clock["origin"][rows])))
        reach = np.where(self.seen(rows) >= _WARM_UP, reach, np.inf)
        return np.clip(value, outlook.expected - reach, outlook.expected + reach)

    def _chosen_in(self, rows: Ints) -> list[tuple[int, int]]:
        """Position and row of the streams that have a model of the user's choice."""
        return [(place, row) for place, row in enumerate(rows.tolist()) if row in self.chosen] if self.chosen else []

    def _consult(self, rows: Ints, outlook: Outlook, scale: Scale) -> Outlook:
        """The outlook with the word of the chosen models in place of the pool's."""
        found = self._chosen_in(rows)
        if not found:
            return outlook
        expected = outlook.expected.copy()
        for place, row in found:
            predicted = self.chosen[row].predict_one()
            if predicted is not None:
                expected[place] = (np.clip(predicted, -LARGEST, LARGEST) - scale.base[place]) / scale.per[place]
        return outlook._replace(expected=expected)

    def _youth(self, rows: Ints, observed_at: Ints) -> Floats:
        """How young each of `rows` is: 1 at birth, 0 when it has seen enough of days."""
        age_s = (observed_at - self._clock.arrays["born_at"][rows]) / SECOND
        return np.maximum(1.0 - age_s / _YOUTH_S, 0.0)

    def _threshold(self, rows: Ints, interval_s: Floats, budget_s: Floats) -> Floats:
        """log10 of the return period, in readings, that spends exactly the budget; infinite patience while young."""
        needed = np.log10(_TRIALS * budget_s / interval_s)
        young = self.seen(rows) < _WARM_UP - 1.0
        needed = needed + self._gate.arrays["strictness"][rows]
        return np.where(young, 1e6, np.maximum(needed, _LEAST_DECADES))

    def opened(self) -> Floats:
        """Of each stream, how many incidents it lately opens in 30 days that nobody called a fault."""
        clock = self._clock.arrays
        age_s = np.maximum((clock["last_at"] - clock["born_at"])[: self._clock.count] / SECOND, DAY_S)
        share = 1.0 - np.exp(-age_s / MEMORY_S)  # of what counts was seen
        return np.asarray(self._gate.arrays["opened"][: self._gate.count] / share)

    def ready(self, rows: Ints) -> Ints:
        """Those of `rows` of which a forecast would say anything."""
        return rows[self.seen(rows) > READY]

    def seen(self, rows: Ints) -> Floats:
        """How many readings of each of `rows` were learned as what it is now."""
        return np.asarray(self._tails.arrays["seen"][rows])

    def pace(self, rows: Ints) -> tuple[Ints, Floats]:
        """The time (ns) of the last reading and the usual interval in seconds of each of `rows`."""
        return self._clock.arrays["last_at"][rows], self._clock.arrays["interval_s"][rows]

    def forecast(self, rows: Ints, horizons_s: Floats) -> tuple[Floats, Floats, Floats]:
        """What each of `rows` will read after each of its `horizons_s`: expected, lower, upper; all (row, horizon)."""
        clock, pool, count = self._clock.arrays, self._pool, horizons_s.shape[1]
        last_at, interval_s = clock["last_at"][rows], np.maximum(clock["interval_s"][rows], 1e-3)
        slow, zone = pool.arrays["slow"][rows], self._policy.zone
        following = local_seconds(last_at + (interval_s * SECOND).astype(np.int64), zone)
        usual, cycle = self._profile.expect(rows, following, slow)[0], self._rhythm.expect(rows, np.ones_like(rows))
        scale = self._natures.scale(rows, clock["origin"][rows], interval_s, interval_s)
        outlook = self._consult(rows, pool.predict(rows, usual, cycle), scale)
        half = pool.interval(rows, outlook)
        widest = np.maximum(half, 1.645 * np.sqrt(self._evidence.arrays["power"][rows]))
        place = np.repeat(np.arange(len(rows)), count)
        due = local_seconds((last_at[:, None] + (horizons_s * SECOND).astype(np.int64)).reshape(-1), zone)
        steps = np.maximum(horizons_s / interval_s[:, None], 1.0).reshape(-1)
        seasonal = self._profile.expect(rows[place], due, slow[place])[0]
        then = Usual(seasonal, self._rhythm.expect(rows[place], np.rint(steps).astype(np.int64)))
        aim = self._aim(rows, outlook).of(place)
        expected, width = self._distant.forecast(rows[place], aim, then, steps, (half[place], widest[place]))
        per = np.where(scale.is_counter[:, None], horizons_s, 1.0)
        expected, width = per * expected.reshape(-1, count) + scale.base[:, None], per * width.reshape(-1, count)
        return expected, expected - width, expected + width

    def least(self, rows: Ints) -> Floats:
        """What each of `rows` will show at least: a counter never less than now, others have no such bound."""
        return np.where(self._natures.is_counter(rows), self._natures.arrays["last"][rows], -np.inf)

    def recent(self, rows: Ints, count: int) -> tuple[Floats, Floats]:
        """The last values of each of `rows` that has so many, the newest last, and what its hours let expect of them.

        The second is by how much they should have climbed.
        """
        clock, slow = self._clock.arrays, self._pool.arrays["slow"][rows]
        last_at, ago = clock["last_at"][rows], ((count - 1) * clock["interval_s"][rows] * SECOND).astype(np.int64)
        now, then = (
            self._profile.expect(rows, local_seconds(at, self._policy.zone), slow)[0] for at in (last_at, last_at - ago)
        )
        learned, is_counter = self._rhythm.recent(rows, count), self._natures.is_counter(rows)
        risen = np.cumsum(learned[:, ::-1], axis=1)[:, ::-1] - learned
        counted = self._natures.arrays["last"][rows][:, None] - risen * clock["interval_s"][rows][:, None]
        own = np.where(is_counter[:, None], counted, clock["origin"][rows][:, None] + learned)
        return own, np.where(is_counter, 0.0, now - then)

    def adopt(self, other: "Streams", theirs: Ints, ours: Ints) -> None:
        """Take over streams of another: `ours` become what `theirs` are."""
        for name, part in self._parts.items():
            part.adopt(other._parts[name], theirs, ours)  # noqa: SLF001 - of the same class
        self._shelf.adopt(other._shelf, theirs, ours)  # noqa: SLF001

    def dumps(self) -> dict[str, Array]:
        """The whole state, as arrays by name."""
        parts = {name: part.dumps() for name, part in self._parts.items()} | {"shelf": self._shelf.dumps()}
        return {f"{name}/{key}": value for name, arrays in parts.items() for key, value in arrays.items()}

    def loads(self, saved: Mapping[str, Array]) -> None:
        """Become what was saved by `dumps`."""
        for name, part in self._parts.items():
            part.loads(_within(name, saved))
        self._shelf.loads(_within("shelf", saved))

    @property
    def bytes_per_stream(self) -> float:
        """Size of the state, per stream."""
        return sum(part.bytes_per_stream for part in self._parts.values())


def _within(room: str, saved: Mapping[str, Array]) -> dict[str, Array]:
    prefix = f"{room}/"
    return {name.removeprefix(prefix): array for name, array in saved.items() if name.startswith(prefix)}
