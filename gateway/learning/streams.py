"""All streams of a shard, as arrays: forecast, weigh the evidence, decide, then learn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gateway.learning.budget import Budget
from gateway.learning.calendar import Almanac, Holidays
from gateway.learning.dating import Dating
from gateway.learning.evidence import Statistic
from gateway.learning.gate import MEMORY_S, Gate
from gateway.learning.nature import KindRule
from gateway.learning.patience import WARM_UP, Patience
from gateway.learning.prospects import Prospects, View
from gateway.learning.rows import Array, Places, Rows, positions, rounds, stretch, within
from gateway.learning.shelf import STANDING, Shelf
from gateway.learning.suspicion import Case, Suspicion
from gateway.learning.trial import Trial
from gateway.learning.watch import Watch
from gateway.records import (
    SECOND,
    Batch,
    Change,
    Floats,
    Ints,
    Nature,
    Verdict,
    Verdicts,
    blank_verdicts,
    is_text,
)

DAY_S = 86_400.0
_OPENS, _CLOSED = int(Change.OPEN), int(Change.CLOSED)  # arrays compare with members of an enum slowly
_REACH_SCALES, _REACH_SPANS = 100.0, 3.0
"""How far a value counts, in mean residuals and in ranges seen. Without a bound one reading of 1e6 on a sensor of 0 to
10 was told again a day later, and one of 1e30 spoilt the forecasts for days. Steps arrive as soon as without it."""
_REACH_SIZES = 1e3  # the same for a sensor that never moved, in sizes of its value


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
    holidays: Holidays = field(default_factory=Holidays)


class Streams:
    """The default learner of all streams. A stream is a row number; its state is one column of every array."""

    def __init__(self, policy: Policy | None = None) -> None:
        self._policy = policy or Policy()
        self.almanac = Almanac(self._policy.zone, self._policy.holidays)
        self.prospects, self._suspicion = Prospects(self.almanac), Suspicion(self.almanac)
        self._gate, self._tails, self._dating = Gate(self._policy.adopt_after_s), self._suspicion.tails, Dating()
        self._parts: dict[str, Rows] = {
            "dating": self._dating,
            "clock": self.prospects.clock,
            "natures": self.prospects.natures,
            "profile": self.prospects.profile,
            "pool": self.prospects.pool,
            "rhythm": self.prospects.rhythm,
            "distant": self.prospects.distant,
            "evidence": self._suspicion.evidence,
            "habits": self._suspicion.habits,
            "record": self._suspicion.habits.record,
            "tails": self._tails,
            "allowed": self._suspicion.allowed,
            "gate": self._gate,
        }
        self._dated = (
            (self.prospects.clock, ("last_at", "born_at")),
            (self.prospects.distant, ("due_at",)),
            (self._suspicion.habits, ("since", "born_at", "stirred_at")),
            (self._suspicion.habits.record, ("last_at",)),
            (self._gate, ("opened_at",)),
        )
        self._shelf = Shelf({room: self._parts[room] for room in STANDING}, self._tails.sides)
        self._trial = Trial(self._gate, self._suspicion, self._shelf, self.prospects)
        self._patience = Patience(self.almanac, self.prospects, self._gate)
        self.watch = Watch(self.prospects, self._suspicion, self._gate, self._trial, self._patience)

    def grow(self, streams: int) -> None:
        """Make room for `streams` streams in all."""
        for part in self._parts.values():
            part.grow(streams)

    def name(self, row: int, device: str, sensor: str) -> None:
        """Who the stream of a new row is; the user may have said what it is."""
        told = next((rule.nature for rule in self._policy.kinds if rule.fits(device, sensor)), None)
        if told is not None:
            self.prospects.natures.tell(row, told)

    def is_unheard(self, at: Places) -> npt.NDArray[np.bool_]:
        """Whether nothing was learned yet of each of these."""
        return np.asarray(self.prospects.clock.arrays["seen"][at] == 0.0)

    def said(self, rows: Ints) -> Floats:
        """What stands for the state, or the last event, of each of these that speak."""
        return self._suspicion.habits.value(rows)

    def is_met(self, rows: Ints, value: Floats) -> npt.NDArray[np.bool_]:
        """Whether each value is of a stream that was unheard before the batch, and not refused."""
        unheard = self.is_unheard(rows)
        return unheard & ~self.prospects.natures.refuses(rows, value) if unheard.any() else unheard

    def resume(self, at: int, leap: int = 0) -> None:
        """Our clock reads `at`, and was set by `leap` ns: for streams that it dates no time has passed by that.

        No stream may wait until a clock that was set back has caught up.
        """
        ours = self._dating.ours()
        for part, names in self._dated:
            part.shift(leap, ours, *names)
            part.rewind(at, ours, *names)
        self._suspicion.habits.resume(at, leap, ours)
        self._dating.doubt(self.prospects.clock.arrays["last_at"], at)

    def span(self) -> tuple[int, int]:
        """From when until when (ns) was learned what is known, and is foretold what is still to come true."""
        clock, due_at = self.prospects.clock.arrays, self.prospects.distant.arrays["due_at"]
        heard = positions(clock["seen"][: self._gate.count] > 0.0)
        if not len(heard):
            return 0, 0
        return int(clock["born_at"][heard].min()), int(max(clock["last_at"][heard].max(), due_at[:, heard].max()))

    def dated_by_us(self) -> Ints:
        """The streams whose readings have no time of their own."""
        return self._dating.ours()

    def _turn_back(self, batch: Batch) -> None:
        """Let streams go on whose device's clock was set back: as if the reading had come when it was due."""
        is_it = self._dating.is_set_back(batch, self.prospects.clock.arrays["last_at"][batch.stream])
        for place in positions(is_it).tolist():
            row, at = batch.stream[[place]], int(batch.observed_at[place])
            due = at - max(int(self.prospects.clock.arrays["interval_s"][row[0]] * SECOND), 1)
            for part, names in self._dated:
                part.hold_before(due, row, *names)

    def learn_many(self, batch: Batch, budget_s: Floats | None = None) -> Verdicts:
        """Judge every reading by what was known before it, then learn it; however batched, the same, bit for bit.

        `budget_s` is the time between two acceptable false alarms of each reading's stream, if not that of a device.
        """
        budget_s = np.full(len(batch), self._policy.budget_s) if budget_s is None else budget_s
        verdicts, has_texts = blank_verdicts(len(batch)), bool(is_text(batch.value).any())
        for turn in rounds(batch.stream):
            if self._dating.has_doubts:
                self._turn_back(batch.at(turn))
            stale = self.prospects.clock.is_stale(batch.stream[turn], batch.observed_at[turn])
            if has_texts:
                stale |= self.prospects.natures.refuses(batch.stream[turn], batch.value[turn])
            verdicts.is_stale[turn] = stale
            fresh = turn[~stale] if stale.any() else turn
            if len(fresh):
                self._round(fresh, batch, budget_s, verdicts)
        return verdicts

    def judge(self, rows: Ints, verdict: Verdict) -> npt.NDArray[np.uint8]:
        """Take a person's word on the latest incidents of `rows`; returns the `Change` of each."""
        return self._trial.judge(rows[rows < self._gate.count], verdict)

    def _round(self, turn: Ints, batch: Batch, budget_s: Floats, verdicts: Verdicts) -> None:
        places = stretch(turn)
        batch, budget_s = batch.at(places), budget_s[places]
        view, span = self._look(batch)
        rows, at, nature = view.rows, view.at, self.prospects.natures.of(view.rows)
        grain = self.prospects.natures.grain(rows, self._suspicion.evidence.grain(at), view.interval_s)
        case = self._suspicion.judge(view, (grain, span), self._patience.youth(at, view.observed_at, nature), nature)
        was_on_trial = self._gate.is_on_trial(at)
        was_missing = view.before < self._gate.arrays["opened_at"][at]
        is_back = was_on_trial & was_missing & ~nature.is_habitual
        is_past = is_back | (case.is_over & was_on_trial & (~nature.is_event | was_missing))  # what was odd ends by it
        decades, doubt = np.where(is_past, 0.0, (case.decades, case.doubt))
        threshold = self._patience.threshold(at, view.interval_s, budget_s, nature)
        is_outside = np.where(nature.is_habitual, case.is_strange, self._gate.outside(at, case.level))
        is_outside &= (view.seen > 1.0) & ~is_back  # nor is what something has just turned into out of the ordinary
        self._gate.hurry(rows[nature.is_habitual | is_back])
        change = self._gate.step(rows, view.observed_at, decades, threshold, is_outside)
        self._gate.spend(at, change, view.interval_s, budget_s)
        self._trial.open(rows[change == _OPENS])

        verdicts.score[places] = self._gate.score(at, decades, threshold, doubt)
        verdicts.period[places] = decades + np.log10(view.interval_s)
        verdicts.kind[places] = np.where(decades > 0.0, case.kind, 0)
        has_turned = (change == _CLOSED) & (view.seen <= 1.0)
        verdicts.change[places] = np.where(has_turned, Change.TURNED, change)
        verdicts.expected[places], verdicts.lower[places], verdicts.upper[places] = self.prospects.band(view)
        self._explain(turn, view, case, verdicts)

        self.prospects.learn(view, self._gate.is_faulty(at))
        held = positions(self._shelf.holds(rows))
        if len(held):
            on_trial = held[was_on_trial[held] | self._gate.is_on_trial(rows[held])]
            self._trial.note(rows[on_trial], case.statistics[:, on_trial])
        self._suspicion.learn(view, case, batch.received_at)
        if len(held):
            self._trial.settle(rows[held], view.observed_at[held], change[held])

    def _look(self, batch: Batch) -> tuple[View, Floats]:
        """What is known of a reading of each of some streams before it is judged, and how far their values go."""
        rows, at, before = batch.stream, stretch(batch.stream), self.prospects.clock.arrays["last_at"][batch.stream]
        is_calm = self._gate.is_calm(at)
        self._dating.note(rows, batch.observed_at, batch.received_at)
        turned, read, scale = self.prospects.meet(rows, at, batch.observed_at, batch.value, is_calm)
        if len(turned):
            self._suspicion.renew(turned)
            self._trial.drop(turned)
            self._gate.hurry(turned)
        view = self.prospects.view(rows, at, (before, batch.observed_at), (batch.value, read), scale)
        span = self._tails.span(at, Statistic.HIGHEST, Statistic.LOWEST)
        return view._replace(value=self._believed(view, span)), span

    def _explain(self, turn: Ints, view: View, case: Case, verdicts: Verdicts) -> None:
        """What else is to be said of counters, of states, and where it is the last reading that is odd."""
        past = positions(case.was_odd)
        if len(past):
            verdicts.base[turn[past]] = view.scale.own(view.outlook.lags[0])[past]
        counts = positions(view.scale.is_counter)
        if len(counts):
            verdicts.nature[turn[counts]] = Nature.COUNTER
            verdicts.base[turn[counts]], verdicts.span_s[turn[counts]] = view.scale.base[counts], view.scale.per[counts]
        if case.stay is not None:
            places = positions(case.is_state)
            verdicts.nature[turn[places]] = np.where(case.stay.is_event, Nature.EVENT, Nature.STATE)
            verdicts.base[turn[places]], verdicts.span_s[turn[places]] = self._suspicion.stands(view.rows[places], case)

    def _believed(self, view: View, span: Floats) -> Floats:
        """The value, no farther from what was expected than one glitch may carry the means (bounded influence)."""
        at, outlook = view.at, view.outlook
        reach = _REACH_SCALES * outlook.scale + _REACH_SPANS * span
        reach = np.where(reach > 0.0, reach, _REACH_SIZES * (1.0 + np.abs(self.prospects.clock.arrays["origin"][at])))
        reach = np.where(view.seen > WARM_UP, reach, np.inf)
        return within(view.value, outlook.expected - reach, outlook.expected + reach)

    def opened(self) -> Floats:
        """Of each stream, how many incidents it lately opens in 30 days that nobody called a fault."""
        clock, count = self.prospects.clock.arrays, self._gate.count
        age_s = np.maximum((clock["last_at"] - clock["born_at"])[:count] / SECOND, DAY_S)
        share = 1.0 - np.exp(-age_s / MEMORY_S)  # of what counts was seen
        return np.asarray(self._gate.arrays["opened"][:count] / share)

    def forecast(self, rows: Ints, horizons_s: Floats) -> tuple[Floats, Floats, Floats]:
        """What each of `rows` will read after each of its `horizons_s`: expected, lower, upper; all (row, horizon)."""
        return self.prospects.forecast(rows, horizons_s, np.sqrt(self._suspicion.evidence.arrays["power"][rows]))

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
