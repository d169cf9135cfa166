"""All learners of a shard: a batch in, verdicts out, and what comes next on request."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from gateway.errors import StateError
from gateway.learning import forecasts, saved, stock
from gateway.learning.arrivals import Arrivals
from gateway.learning.bounds import Approach, Bound
from gateway.learning.budget import Budgets
from gateway.learning.chosen import ChosenDetector, ChosenForecaster, ChosenJoint
from gateway.learning.clock import LARGEST
from gateway.learning.directory import Directory
from gateway.learning.heartbeat import Heartbeats
from gateway.learning.joint import Joint
from gateway.learning.lookout import Lookout
from gateway.learning.roster import Roster
from gateway.learning.rows import Array, positions, within
from gateway.learning.streams import Policy, Streams
from gateway.records import Batch, Forecast, Ints, Nature, Verdict, Verdicts, is_text

VERSION = 36
"""Of the saved state; another one means: fold the log again."""

_COUNTER = int(Nature.COUNTER)  # arrays compare with members of an enum slowly


class Fleet:
    """The learners of every stream and device of one shard, by row."""

    def __init__(
        self,
        directory: Directory,
        policy: Policy,
        rules: Sequence[stock.ModelRule] = (),
        silent_floor_s: float = 10.0,
    ) -> None:
        self.directory = directory
        self.rules = [(rule, stock.kind(rule.make())) for rule in rules]
        self.streams = Streams(policy)
        self.hearts = Heartbeats(silent_floor_s)
        self.scorers: dict[int, ChosenDetector] = {}
        self.joints: dict[int, ChosenJoint] = {}
        self.joint = Joint(self.streams.almanac, policy.adopt_after_s)
        self.budgets = Budgets(policy.budget_s, policy.budgets)
        self.arrivals = Arrivals()
        self.lookout = Lookout(self.streams, self.hearts, self.arrivals, self.budgets)
        self.roster = Roster()
        self._seat_s: list[float] = []
        self._device_of = np.zeros(0, dtype=np.int64)

    def learn_many(self, batch: Batch, worked_on: Ints | None = None) -> Verdicts:
        """Judge each reading, then learn it, in order; a reading not newer than its stream's last one is stale.

        `worked_on` is when (ns) the device of each was worked on last: its silence until then is no gap.
        """
        self.grow()
        is_met = self.streams.is_met(batch.stream, batch.value)
        budget_s = self.budgets.spread(batch.stream, is_met)
        self._meet(dict.fromkeys(batch.stream[is_met].tolist()))
        verdicts = self.streams.learn_many(batch, budget_s)
        fresh = positions(~verdicts.is_stale)
        devices = self._device_of[batch.stream[fresh]]
        heard_from = np.zeros(len(fresh), np.int64) if worked_on is None else worked_on[fresh]
        awake_s = self.hearts.learn_many(devices, batch.received_at[fresh], heard_from)
        self.arrivals.learn_many(batch.stream[fresh], awake_s)
        says = is_text(batch.value)
        numbers = np.where(says, 0.0, batch.value) if batch.names else batch.value
        batch = replace(batch, value=within(numbers, -LARGEST, LARGEST))
        self._score_chosen(batch, verdicts, fresh)
        self._score_joint(batch, verdicts, fresh)
        self._score_together(batch, verdicts, fresh[~says[fresh]])
        return verdicts

    def _score_chosen(self, batch: Batch, verdicts: Verdicts, fresh: Iterable[int]) -> None:
        for place in fresh if self.scorers else ():
            scorer = self.scorers.get(int(batch.stream[place]))
            if scorer is not None:
                score = scorer.score_learn_one({}, float(batch.value[place]))
                verdicts.joint[place], verdicts.joint_change[place] = score, scorer.follow(score)

    def _score_joint(self, batch: Batch, verdicts: Verdicts, fresh: Ints) -> None:
        stream = batch.stream[fresh]
        value, is_rate = batch.value[fresh], verdicts.nature[fresh] == _COUNTER
        if is_rate.any():
            span_s = np.where(is_rate, verdicts.span_s[fresh], 1.0)  # a state may have lasted no time
            value = np.where(is_rate, (value - verdicts.base[fresh]) / span_s, value)
        score, change = self.joint.learn_many(stream, batch.observed_at[fresh], value, is_rate)
        verdicts.joint[fresh] = np.fmax(verdicts.joint[fresh], score)
        verdicts.joint_change[fresh] = np.maximum(verdicts.joint_change[fresh], change)

    def _score_together(self, batch: Batch, verdicts: Verdicts, numbers: Ints) -> None:
        """Ask the detectors that were chosen for devices of the readings at these places, which are numbers."""
        for place in numbers if self.joints else ():
            row = int(batch.stream[place])
            joint = self.joints.get(self.directory.device_of[row])
            if joint is not None:
                sensor = self.directory.streams[row][1]
                is_first, at = math.isnan(verdicts.expected[place]), int(batch.observed_at[place])
                said = joint.score_learn_one(sensor, float(batch.value[place]), at, is_first=is_first)
                if said is not None:
                    verdicts.joint[place] = np.fmax(verdicts.joint[place], said)
                    told = joint.detector.follow(said)
                    verdicts.joint_change[place] = max(verdicts.joint_change[place], told)

    def resume(self, at: int, leap: int = 0) -> None:
        """Until `at` the gateway was deaf, or its clock was set to `at`, by `leap` ns."""
        self.hearts.resume(at)
        self.joint.resume(at, leap, self.streams.dated_by_us())
        self.streams.resume(at, leap)

    def grow(self) -> None:
        """Make room for what the directory has come to know."""
        known = len(self._device_of)
        if known == len(self.directory):
            return
        self.streams.grow(len(self.directory))
        self.arrivals.grow(len(self.directory))
        self.hearts.grow(len(self.directory.devices))
        for row, device, sensor in self.directory.since(known):
            self.streams.name(row, device, sensor)
            if (model := self._choose("forecaster", device, sensor)) is not None:
                self.streams.prospects.chosen[row] = ChosenForecaster(model)
            if (model := self._choose("scorer", device, sensor)) is not None:
                self.scorers[row] = ChosenDetector(model, is_supervised=True)
            owner = self.directory.device_of[row]
            if row == self.directory.rows_of[owner][0] and (model := self._choose("detector", device, "*")) is not None:
                self.joints[owner] = ChosenJoint(model)
        self._device_of = self.lookout.device_of = np.array(self.directory.device_of, dtype=np.int64)
        self.budgets.grow(self._device_of, self.directory.streams[known:])
        self.roster.grow(len(self.directory), len(self.directory.devices))
        self._seat()

    def _meet(self, streams: Collection[int]) -> None:
        """Something is learned of these for the first time; from its second on, a device is judged as a whole."""
        if streams:
            self.roster.meet(streams, self.directory.device_of, self.joints)
            self._seat()

    def _seat(self) -> None:
        seated = self.roster.seated[len(self._seat_s) :]
        self._seat_s += [self.budgets.of_device(self.directory.devices[device]) for device in seated]
        self.joint.grow(self.roster.seat(self._device_of), self.roster.place(), np.array(self._seat_s))

    def _choose(self, kind: str, device: str, sensor: str) -> Any:  # noqa: ANN401 - a model of that kind
        return next((rule.make() for rule, its in self.rules if its == kind and rule.fits(device, sensor)), None)

    def nature(self, row: int) -> Nature:
        """What a stream is taken for; a value until it was heard."""
        natures = self.streams.prospects.natures
        return Nature(int(natures.arrays["nature"][row])) if row < natures.count else Nature.VALUE

    def speaks(self, row: int) -> bool:
        """Whether a stream sends texts, of which no number is foretold."""
        natures = self.streams.prospects.natures
        return row < natures.count and bool(natures.arrays["speaks"][row])

    def newest(self, row: int) -> tuple[int, float] | None:
        """When (ns) a stream was heard last, and what it said; None where nothing was learned of it."""
        prospects, rows = self.streams.prospects, np.array([row])
        if row >= len(self._device_of) or self.streams.is_unheard(rows)[0]:
            return None
        value = self.streams.said(rows) if self.speaks(row) else prospects.natures.arrays["last"][rows]
        return int(prospects.clock.arrays["last_at"][row]), float(value[0])

    def natures(self) -> dict[str, int]:
        """How many streams are taken for what."""
        natures = self.streams.prospects.natures
        counts = np.bincount(natures.arrays["nature"][: natures.count], minlength=len(Nature)).tolist()
        return {nature.name.lower(): counts[nature] for nature in Nature}

    def judge(self, rows: Ints, verdict: Verdict) -> npt.NDArray[np.uint8]:
        """Take a person's word on the open incidents of these streams; returns the `Change` of each."""
        return self.streams.judge(rows, verdict)

    def judge_together(self, device: int, verdict: Verdict) -> None:
        """Take a person's word on what is odd about a device's sensors together, or to a detector of the user's."""
        rows = self.directory.rows_of[device]
        self.joint.judge(rows[0], verdict)
        chosen = [self.joints[device].detector] if device in self.joints else []
        for detector in chosen + [self.scorers[row] for row in rows if row in self.scorers]:
            if verdict is not Verdict.FAULT:
                detector.settle()

    def forecast(self, rows: Sequence[int], horizons_s: Sequence[float], coverage: float) -> list[Forecast]:
        """The next value of each stream, and the value after each horizon; none while nothing can be said."""
        return forecasts.forecasts(self.directory, self.streams, self._known(rows), horizons_s, coverage)

    def approaches(self, rows: Sequence[int], bounds: Sequence[Bound]) -> list[tuple[int, int, Approach]]:
        """Which streams move towards a bound: row, time (ns) of its last reading, when it is reached from then on."""
        return forecasts.approaches(self.directory, self.streams.prospects, self._known(rows), bounds)

    def _known(self, rows: Sequence[int]) -> Ints:
        return np.array([row for row in rows if row < len(self._device_of)], dtype=np.int64)

    def failures(self) -> dict[str, str]:
        """Chosen models that were put in quarantine, by `device/sensor` or device, and why."""
        names, devices = ["/".join(name) for name in self.directory.streams], self.directory.devices
        found = [
            *((names[row], model.failure) for row, model in self.streams.prospects.chosen.items()),
            *((names[row], model.failure) for row, model in self.scorers.items()),
            *((devices[row], joint.detector.failure) for row, joint in self.joints.items()),
        ]
        return {name: failure for name, failure in found if failure}

    def adopt(self, other: "Fleet", streams: tuple[Ints, Ints], devices: tuple[Ints, Ints]) -> None:
        """Take over devices of another with all their streams: their rows there, and new rows here."""
        self.grow()
        rows = dict(zip(*(rows.tolist() for rows in streams), strict=True))
        self._meet([rows[row] for row in other.roster.order if row in rows])
        self.streams.adopt(other.streams, *streams)
        self.joint.adopt(other.joint, *streams)
        self.arrivals.adopt(other.arrivals, *streams)
        self.hearts.adopt(other.hearts, *devices)
        self._count_heard()
        for there, here in rows.items():
            _hand_over(other.streams.prospects.chosen, there, self.streams.prospects.chosen, here)
            _hand_over(other.scorers, there, self.scorers, here)
        for there, here in zip(*(rows.tolist() for rows in devices), strict=True):
            _hand_over(other.joints, there, self.joints, here)

    def _count_heard(self) -> None:
        self.budgets.count(~self.streams.is_unheard(np.arange(len(self._device_of))))

    def false_alarms(self) -> dict[str, object]:
        """How many are believed to be raised in 30 days: of a device on average, and of the one that raises most.

        Counted is every incident of late that nobody called a fault.
        """
        if not len(self._device_of):
            return {}
        rate = np.bincount(self._device_of, self.streams.opened(), len(self.directory.devices))
        streams, together = self.joint.opened()
        np.add.at(rate, self._device_of[streams], together)
        most = int(np.argmax(rate))
        worst = {"device": self.directory.devices[most], "per_30_days": round(float(rate[most]), 2)}
        return {"per_device_and_30_days": round(float(rate.mean()), 2), "most": worst}

    def dumps(self) -> bytes:
        """The whole state; the directory is saved beside it."""
        models = {
            name: {str(row): saved.dump(model) for row, model in of.items()} for name, of in self._models().items()
        }
        return saved.pack({"version": VERSION, **models}, self._arrays())

    def _models(self) -> dict[str, Mapping[int, object]]:
        return {"chosen": self.streams.prospects.chosen, "scorers": self.scorers, "joints": self.joints}

    def _rooms(self) -> dict[str, Streams | Heartbeats | Arrivals | Joint]:
        return {"hearts": self.hearts, "arrivals": self.arrivals, "joint": self.joint, "streams": self.streams}

    def _arrays(self) -> dict[str, Array]:
        rooms = self._rooms().items()
        arrays = {f"{room}/{name}": array for room, of in rooms for name, array in of.dumps().items()}
        return arrays | {"order": np.array(self.roster.order, np.int64)}

    def loads(self, body: bytes) -> None:
        """Restore what `dumps` saved; raises `StateError` where it does not fit."""
        models, arrays = saved.unpack(body)
        try:
            if models["version"] != VERSION:
                message = "the saved state is of another version"
                raise StateError(message)
            self.grow()
            self._meet(arrays["order"].tolist())
            for room, of in self._rooms().items():
                of.loads(
                    {
                        name.removeprefix(f"{room}/"): array
                        for name, array in arrays.items()
                        if name.startswith(f"{room}/")
                    }
                )
            self._count_heard()
            for name, group in self._models().items():
                for row, state in models[name].items():
                    saved.load(group[int(row)], state)
        except (LookupError, ValueError) as error:
            message = f"{saved.DAMAGED}: {error}"
            raise StateError(message) from error


Model = TypeVar("Model")


def _hand_over(models: Mapping[int, Model], there: int, ours: dict[int, Model], here: int) -> None:
    if there in models:
        ours[here] = models[there]
