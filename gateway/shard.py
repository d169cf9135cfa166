"""The core as a value: a set of devices, everything learned of them, and the one way to change it.

State is a fold over the log: `apply` takes one entry of the log and returns what follows from it. No clock, no I/O.
The same class runs in the gateway's loop, in `gateway replay`, in recovery, and inside a stream engine.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from gateway.alarms import reasons, words
from gateway.alarms.incidents import Incidents
from gateway.alarms.maintenance import Calendar, Schedule
from gateway.alarms.opened import Told
from gateway.errors import StateError
from gateway.learning.bounds import Bound
from gateway.learning.directory import Directory
from gateway.learning.fleet import Fleet
from gateway.learning.lookout import Late
from gateway.learning.stock import ModelRule
from gateway.learning.streams import Policy
from gateway.records import (
    SECOND,
    Availability,
    Batch,
    Crossing,
    Described,
    Entry,
    Feedback,
    Forecast,
    Ints,
    Maintenance,
    Mask,
    Reason,
    Renewed,
    Resume,
    Tick,
    Verdict,
    Verdicts,
    blank_verdicts,
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that the fold depends on, and `horizons_s`, `coverage` and `bounds`: what is forecast from it."""

    policy: Policy = field(default_factory=Policy)
    models: Sequence[ModelRule] = ()
    silent_floor_s: float = 10.0
    maintenance: Sequence[Schedule] = ()
    horizons_s: Sequence[float] = (600.0, 3600.0)
    coverage: float = 0.9
    bounds: Sequence[Bound] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What one entry led to; `verdicts` is None for entries that hold no readings.

    `is_understood` is False where a person's word was on something that is not known; `has_changed` where the clock
    ticked and left the state as it was.
    """

    verdicts: Verdicts | None
    changes: list[Told]
    is_understood: bool = True
    has_changed: bool = True


class Shard:
    """Directory, learners, open incidents and maintenance of a set of devices."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.directory = Directory()
        self.fleet = Fleet(self.directory, rules.policy, rules.models, rules.silent_floor_s)
        self.incidents = Incidents(self.directory, rules.policy.zone)
        self.calendar = Calendar(rules.maintenance, rules.policy.zone)

    def apply(self, entry: Entry) -> Outcome:
        """Fold one entry of the log into the state."""
        match entry:
            case Batch():
                verdicts, is_learned = self._learn(entry)
                self.directory.hear(entry, ~verdicts.is_stale)
                return Outcome(verdicts, self.incidents.learn_many(entry, verdicts, is_learned))
            case Tick(at):
                return self._tick(at)
            case Resume(at, leap):
                self.fleet.resume(at, leap)
                self.calendar.resume(at, leap)
                self.incidents.silences.resume(at)
            case Feedback():
                return self._heed(entry)
            case Maintenance():
                self.calendar.announce(entry)
            case Described(_, device, sensor, unit):
                self.directory.describe(device, sensor, unit)
            case Availability(_, device, is_online):
                row = self.directory.device_row(device)
                if row is not None and row < self.fleet.hearts.count:
                    self.fleet.hearts.depart(row, is_gone=not is_online)
            case Renewed(_, ids):
                self.incidents.rename(ids)
        return Outcome(None, [])

    def refusal(self, batch: Batch, place: int) -> Reason:
        """Why a reading was not learned: it is not newer than the last one, or a text where values are numbers."""
        is_other = batch.value[place] in batch.names and not self.fleet.speaks(int(batch.stream[place]))
        return Reason.TYPE if is_other else Reason.STALE

    def _learn(self, batch: Batch) -> tuple[Verdicts, Mask]:
        """Judge and learn what was not sent by a device that is being worked on, and say what that was."""
        if not self.calendar:
            return self.fleet.learn_many(batch), np.ones(len(batch), np.bool_)
        self.fleet.grow()
        verdicts, worked_on = blank_verdicts(len(batch)), self._worked_on(batch)
        is_learned = worked_on < batch.received_at
        places = np.flatnonzero(is_learned)
        if len(places):
            for name, column in self.fleet.learn_many(batch.at(places), worked_on[places]).columns():
                getattr(verdicts, name)[places] = column
        return verdicts, is_learned

    def _worked_on(self, batch: Batch) -> Ints:
        """For each reading, the latest moment (ns) up to its arrival at which its device was worked on."""
        directory, memory = self.directory, dict[tuple[int, int], int]()
        for row, at in zip(batch.stream.tolist(), batch.received_at.tolist(), strict=True):
            device = directory.device_of[row]
            if (device, at) not in memory:
                memory[device, at] = self.calendar.last(directory.devices[device], at)
        devices = (directory.device_of[row] for row in batch.stream.tolist())
        return np.array([memory[key] for key in zip(devices, batch.received_at.tolist(), strict=True)], dtype=np.int64)

    def _tick(self, at: int) -> Outcome:
        """What the clock says of those who are not heard, and of what lasts, is missing or past."""
        silences, lookout, worked_on = self.incidents.silences, self.fleet.lookout, self._last_work(at)
        before = silences.silent()
        silent = np.array(before, dtype=np.int64)
        late = lookout.late(at, silent, self._excused(worked_on))
        told = silences.fall(_since_work(late, worked_on), at)
        said = [lookout.overdue(at, worked_on), lookout.passed(at), *lookout.away(at, worked_on)]
        for asked in said:
            told += self.incidents.by_the_clock(asked.batch, asked.verdicts)
        told += self.incidents.lasting(lookout.missed([*self.incidents.streams], at))
        has_changed = silences.silent() != before or any(asked.has_changed for asked in said)
        return Outcome(None, told, has_changed=bool(told) or has_changed)

    def _last_work(self, at: int) -> Ints:
        """For each device, the latest moment (ns) up to `at` at which it was worked on, 0 for never."""
        known = self.directory.devices[: self.fleet.hearts.count]
        if not self.calendar:
            return np.zeros(len(known), dtype=np.int64)
        return np.array([self.calendar.last(name, at) for name in known], dtype=np.int64)

    def _excused(self, worked_on: Ints) -> Ints:
        """For each device, until when its silence is excused: by work on it, or by an outage that is over."""
        excused = worked_on.copy()
        for device, since in self.incidents.silences.awaited.items():
            excused[device] = max(excused[device], since)
        return excused

    def _heed(self, entry: Feedback) -> Outcome:
        """Take a person's word: it counts from the next reading on."""
        self.fleet.grow()  # the word may come before the first reading of a device whose name is known by it
        entry = words.recognised(self.incidents, entry)
        named = words.named(self.incidents, entry)
        rows = np.array(named.streams, dtype=np.int64)
        changes = self.fleet.judge(rows, entry.verdict)
        self.fleet.lookout.judge(np.array(self.incidents.missing(named.streams, entry), np.int64), entry.verdict)
        row = self.directory.device_row(entry.device)
        if row is not None and named.is_together:
            self.fleet.judge_together(row, entry.verdict)
        is_accepted = row is not None and self._heed_silence(row, entry, named)
        told = self.incidents.heed(entry, dict(zip(named.streams, changes.tolist(), strict=True)))
        return Outcome(None, told, is_understood=named.is_known or is_accepted)

    def _heed_silence(self, row: int, entry: Feedback, named: words.Named) -> bool:
        """Take a person's word on how seldom a device is heard; returns whether a silence that goes on is accepted."""
        hearts, silences = self.fleet.hearts, self.incidents.silences
        goes_on = named.is_silence or (named.lasted is not None and row in silences.awaited)
        if entry.verdict is Verdict.FAULT:
            is_latest = named.lasted is not None and silences.is_latest(row, entry.incident)
            if goes_on or (is_latest and row in silences):
                hearts.confirm(row)
            elif is_latest:
                hearts.take_back(row)
            return False
        if goes_on:
            hearts.forgive(row)
        if (goes_on or named.is_on_habits(entry)) and hearts.accept(row, entry.at):
            return True
        if named.lasted is not None:  # it is over, or the gateway was deaf for a part of it
            hearts.allow(row, named.lasted)
        return False

    def forecast(self, devices: Iterable[int]) -> list[Forecast]:
        """What comes next on each sensor of these devices, device by device."""
        rows = [row for device in devices for row in self.directory.rows_of[device]]
        return self.fleet.forecast(rows, self.rules.horizons_s, self.rules.coverage)

    def crossings(self, devices: Iterable[int]) -> list[Crossing]:
        """Which sensors of these devices are on their way to a limit, and when they are there, device by device."""
        rows = [row for device in devices for row in self.directory.rows_of[device]] if self.rules.bounds else []
        found = []
        for row, last_at, (limit, *in_s) in self.fleet.approaches(rows, self.rules.bounds):
            device, sensor = self.directory.streams[row]
            reached, earliest, latest = (last_at + int(each * SECOND) for each in in_s)
            reason = reasons.reaches(sensor, limit, in_s, self.directory.units.get(row, ""))
            found.append(Crossing(device, sensor, limit, reached, earliest, latest, reason))
        return found

    def adopt(self, other: "Shard", devices: Collection[str], *, learned_only: bool = False) -> None:
        """Take over devices of a shard under the same rules that are not known here, with all that was learned of them.

        With `learned_only`, without sensors of which no more than a name is known. What was announced of maintenance
        stays there. The other shard is not to be used any more: chosen models are handed over, not copied.
        """
        its_streams = other.directory.streams
        known = [*other.fleet.roster.order, *(() if learned_only else range(len(its_streams)))]
        theirs = np.array([row for row in dict.fromkeys(known) if its_streams[row][0] in devices], dtype=np.int64)
        ours = np.array([self.directory.add(*its_streams[row]) for row in theirs], dtype=np.int64)
        rows = dict(zip(theirs.tolist(), ours.tolist(), strict=True))
        its, here = other.directory.device_of, self.directory.device_of
        pairs = {its[there]: here[row] for there, row in rows.items()}
        self.directory.units |= {rows[row]: unit for row, unit in other.directory.units.items() if row in rows}
        self.directory.texts |= {rows[row]: texts for row, texts in other.directory.texts.items() if row in rows}
        places = (np.array(list(pairs), dtype=np.int64), np.array(list(pairs.values()), dtype=np.int64))
        self.fleet.adopt(other.fleet, (theirs, ours), places)
        self.incidents.adopt(other.incidents, rows, pairs)
        self.incidents.silences.adopt(other.incidents.silences, pairs)

    def become(self, other: "Shard") -> None:
        """Be another from now on, for all who hold this one or its directory; rows may be others than before.

        The other is not to be used any more.
        """
        self.directory.become(other.directory)
        self.rules, self.fleet, self.incidents, self.calendar = (
            other.rules,
            other.fleet,
            other.incidents,
            other.calendar,
        )

    def digest(self, device: str) -> str:
        """A hash of all that is learned of one device, whatever else is known: equal means equal to the last bit.

        Sensors of which nothing was learned are no part of it; nor is with whom it is told silent, a matter of the
        others, too.
        """
        alone = Shard(self.rules)
        alone.calendar.announced = self.calendar.announced_of(device)
        alone.adopt(self, {device}, learned_only=True)
        parts = sorted((name, part) for name, part in alone.dumps().items() if name != "silences")
        return hashlib.sha256(
            b"".join(name.encode() + hashlib.sha256(part).digest() for name, part in parts)
        ).hexdigest()

    def dumps(self) -> dict[str, bytes]:
        """The whole state as named parts."""
        return {
            "directory": self.directory.dumps().encode(),
            "fleet": self.fleet.dumps(),
            "incidents": self.incidents.dumps().encode(),
            "silences": json.dumps(self.incidents.silences.dumps()).encode(),
            "maintenance": self.calendar.dumps().encode(),
        }

    def loads(self, parts: dict[str, bytes]) -> None:
        """Restore what `dumps` saved into a fresh shard; raises `StateError` where it does not fit."""
        try:
            self.directory.loads(parts["directory"].decode())
            self.fleet.loads(parts["fleet"])
            self.incidents.loads(parts["incidents"].decode())
            self.incidents.silences.loads(json.loads(parts["silences"]))
            self.calendar.loads(parts["maintenance"].decode())
        except (KeyError, ValueError, TypeError) as error:
            message = f"the saved state does not fit: {error}"
            raise StateError(message) from error


def _since_work(late: list[Late], worked_on: Ints) -> list[Late]:
    """The same, none silent since before the end of the work on it: what came meanwhile is not known here."""
    return [one._replace(last_at=max(one.last_at, int(worked_on[one.device]) + 1)) for one in late]
