"""Verdicts to incidents: who is told what, once per cause.

What a device's sensors show within `CAUSE` of each other is one incident, which is over when all have calmed down.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import tzinfo

import numpy as np

from gateway.alarms import reasons
from gateway.alarms.judgement import judgement
from gateway.alarms.opened import NOTHING, Numbers, Open, Told, identity, incident, is_meant, lasts
from gateway.alarms.silences import Silences
from gateway.learning.directory import Directory
from gateway.records import SECOND, Batch, Change, Feedback, Incident, Ints, Kind, Mask, State, Verdict, Verdicts

CAUSE = 3600 * SECOND
"""How long after the first of a device's sensors the others are taken to show the same. A washing machine that leaks
shows it in its power at once and in the room's humidity some minutes later; what comes after hours is news."""

REMEMBERED = 20
"""Closed incidents of a device that a person may still say something of."""


class Incidents:
    """All open incidents of a shard, by the streams and the devices (all sensors together) that show them; silences.

    `closed` are those of a device that a person may still say something of, by id the streams that showed them;
    `missed` is under which incident a stream was told last that it does not come.
    """

    def __init__(self, directory: Directory, zone: tzinfo | None = None) -> None:
        self.directory = directory
        self.streams: dict[int, Open] = {}
        self.joint: dict[int, Open] = {}
        self.silences = Silences(directory, zone)
        self.closed: dict[int, dict[str, list[int]]] = {}
        self.missed: dict[int, str] = {}

    def __len__(self) -> int:
        return len({opened.id for opened in self.opened()}) + len(self.silences)

    def opened(self) -> Iterator[Open]:
        """What streams and devices show, as often as one does."""
        yield from self.streams.values()
        yield from self.joint.values()

    def learn_many(self, batch: Batch, verdicts: Verdicts, is_learned: Mask | None = None) -> list[Told]:
        """What changes with each reading, in order; those that are not learned end no more than a silence."""
        learned = np.ones(len(batch), np.bool_) if is_learned is None else is_learned
        return [
            told
            for row in self._interesting(batch, verdicts)
            for told in self._learn_one(batch, verdicts, row, is_learned=bool(learned[row]))
        ]

    def _interesting(self, batch: Batch, verdicts: Verdicts) -> list[int]:
        """Rows that may change something; on a quiet day, none."""
        is_it = (verdicts.change >= Change.OPEN) | (verdicts.joint_change >= Change.OPEN)
        if watched := [*self._watched(batch, np.flatnonzero(is_it))]:
            is_it |= np.isin(batch.stream, watched)
        if self.silences:
            is_it |= np.isin(np.array(self.directory.device_of)[batch.stream], [*self.silences.devices()])
        return np.flatnonzero(is_it & ~verdicts.is_stale).tolist()

    def _learn_one(self, batch: Batch, verdicts: Verdicts, row: int, *, is_learned: bool) -> Iterable[Told]:
        stream = int(batch.stream[row])
        device = self.directory.device_of[stream]
        if device in self.silences:
            yield from self._heard(device, int(batch.received_at[row]), row)
        if verdicts.change[row] in STATES:
            yield self._judged(stream, batch, verdicts, row)
        if verdicts.joint_change[row] in STATES:
            yield from self._judged_together(device, batch, verdicts, row)
        if is_learned:
            yield from self._lasting(stream, device, int(batch.observed_at[row]), row)

    def _watched(self, batch: Batch, changing: Ints) -> Iterator[int]:
        """Streams of which a reading may tell that an incident lasts: one that is open, or that begins in the batch."""
        at, device_of = int(batch.observed_at.max(initial=0)), self.directory.device_of
        devices = {device_of[row] for row, opened in self.streams.items() if lasts(opened, at)}
        devices.update(device for device, opened in self.joint.items() if lasts(opened, at))
        devices.update(device_of[row] for row in batch.stream[changing].tolist())
        for device in devices:
            yield from self.directory.rows_of[device]

    def _lasting(self, stream: int, device: int, at: int, row: int | None) -> Iterator[Told]:
        for opened in (self.streams.get(stream), self.joint.get(device)):
            if opened is not None and lasts(opened, at):
                opened.is_lasting = True
                text = reasons.lasting(opened.reason, (at - opened.started_at) / SECOND)
                yield Told(row, self._told(opened, State.UPDATE, device, at, text))

    def by_the_clock(self, batch: Batch, verdicts: Verdicts) -> list[Told]:
        """What no reading says: states that have lasted too long by now, what is missing, events that are past."""
        rows, streams = np.flatnonzero(verdicts.change >= Change.OPEN).tolist(), batch.stream.tolist()
        told = [self._judged(streams[row], batch, verdicts, row) for row in rows]
        return [each._replace(row=None) for each in told]

    def lasting(self, missed: Mapping[int, int]) -> Iterator[Told]:
        """Tell once of these, which are missed, that it does not pass; of each what the clock of its device says."""
        for row, now in missed.items():
            yield from self._lasting(row, self.directory.device_of[row], now, None)

    def missing(self, rows: Iterable[int], entry: Feedback) -> list[int]:
        """Of which of these streams this word is on that they do not come, or did not when they were missed last."""
        shown = {row: self.streams.get(row) for row in rows}
        was_missed = {row for row in shown if entry.incident is not None and entry.incident == self.missed.get(row)}
        return [row for row, one in shown.items() if (row in was_missed if one is None else one.kind == Kind.SILENT)]

    def standing(self, device: int) -> list[Incident]:
        """What is open of this device, the worst first, as it was told last."""
        shown = [*(self.streams.get(row) for row in self.directory.rows_of[device]), self.joint.get(device)]
        found = {opened.id: opened for opened in (*shown, self.silences.opened(device)) if opened is not None}
        return [
            self._told(opened, State.UPDATE, device, opened.started_at, opened.reason)
            for opened in sorted(found.values(), key=lambda each: (-each.score, each.started_at))
        ]

    def heed(self, entry: Feedback, changes: Mapping[int, int]) -> list[Told]:
        """Tell what a person's word did: `changes` holds the `Change` of each stream it was on."""
        device = self.directory.device_row(entry.device)
        if device is None:
            return []
        is_over, joint = entry.verdict is not Verdict.FAULT, self.joint.get(device)
        rows = {row: change for row, change in changes.items() if row in self.streams}
        meant = {self.streams[row].id: self.streams[row] for row in rows}
        if joint is not None and is_meant(entry, joint):
            meant[joint.id] = joint
            if is_over:
                self._calm(self.joint, device, device)
        for row, change in rows.items():
            if change != Change.NONE:
                self._calm(self.streams, row, device)
        told = [Told(None, self._answer(opened, device, entry)) for opened in meant.values()]
        if is_meant(entry, self.silences.opened(device)):
            told += self.silences.heed(device, entry)
        return told

    def _answer(self, opened: Open, device: int, entry: Feedback) -> Incident:
        state = State.UPDATE if self._is_shown(opened, device) else State.CLOSED
        is_over = state is State.CLOSED  # else what is wrong is still the reason
        return self._told(opened, state, device, entry.at, reasons.heeded(entry.verdict), is_main=is_over)

    def _told(  # noqa: PLR0913 - as many as a message has parts
        self,
        opened: Open,
        state: State,
        device: int,
        at: int,
        text: str,
        *,
        numbers: Numbers = NOTHING,
        by: int | None = None,
        is_main: bool = True,
    ) -> Incident:
        """One change of what a device shows; `by` is the stream that showed it until now."""
        shows = (row for row in self.directory.rows_of[device] if row == by or self.streams.get(row) is opened)
        sensors = tuple(self.directory.streams[row][1] for row in shows)
        name = (self.directory.devices[device], opened.sensor)
        return incident(opened, state, name, at, text, numbers=numbers, sensors=sensors, is_main=is_main)

    def _is_shown(self, opened: Open, device: int) -> bool:
        rows = self.directory.rows_of[device]
        return self.joint.get(device) is opened or any(self.streams.get(row) is opened for row in rows)

    def _cause(self, device: int, at: int) -> Open | None:
        """What is open of this device and began about this moment."""
        shown = [*(self.streams.get(row) for row in self.directory.rows_of[device]), self.joint.get(device)]
        return next((each for each in shown if each is not None and abs(at - each.started_at) <= CAUSE), None)

    def _calm(self, table: dict[int, Open], key: int, device: int) -> Open:
        """This stream, or all sensors together, show it no longer; a person may still say something of it."""
        opened, closed = table.pop(key), self.closed.setdefault(device, {})
        while opened.id not in closed and len(closed) >= REMEMBERED:
            del closed[next(iter(closed))]
        rows = closed.setdefault(opened.id, [])
        if table is self.streams:
            rows.append(key)
            if opened.kind == Kind.SILENT:
                self.missed[key] = opened.id
        opened.calm(self.directory.streams[key][1] if table is self.streams else "")
        return opened

    def rename(self, ids: Mapping[str, str]) -> None:
        """Call what is open under these ids by others from now on."""
        for opened in {id(each): each for each in [*self.opened(), *self.silences.incidents()]}.values():
            opened.id = ids.get(opened.id, opened.id)

    def _heard(self, device: int, at: int, row: int) -> Iterator[Told]:
        for told in self.silences.heard(device, at):
            yield told._replace(row=row)

    def adopt(self, other: "Incidents", rows: Mapping[int, int], devices: Mapping[int, int]) -> None:
        """Take over the incidents of devices of another; `rows` and `devices` say which are which here."""
        self.streams |= {rows[row]: opened for row, opened in other.streams.items() if row in rows}
        self.joint |= {devices[row]: opened for row, opened in other.joint.items() if row in devices}
        self.missed |= {rows[row]: id_ for row, id_ in other.missed.items() if row in rows}
        for device, here in devices.items():
            if device in other.closed:
                closed = other.closed[device].items()
                self.closed[here] = {id_: [rows[row] for row in each] for id_, each in closed}

    def _judged(self, stream: int, batch: Batch, verdicts: Verdicts, row: int) -> Told:
        (name, sensor), device = self.directory.streams[stream], self.directory.device_of[stream]
        change, kind, score, at, numbers, text = judgement(self.directory, batch, verdicts, row)
        if STATES[change] is State.CLOSED:
            return Told(row, self._calmed(self.streams, stream, device, at, text, numbers))
        opened = self.streams.get(stream) or self._cause(device, at)
        state = State.UPDATE if opened else State.OPEN
        opened = opened or Open(identity(name, sensor, kind, at), kind, score, at, sensor=sensor)
        self.streams[stream] = opened
        is_worst = score >= opened.score
        if is_worst:
            opened.score, opened.kind = score, kind
        opened.show(sensor, text, is_main=is_worst)
        return Told(row, self._told(opened, state, device, at, text, numbers=numbers, is_main=is_worst))

    def _judged_together(self, device: int, batch: Batch, verdicts: Verdicts, row: int) -> Iterable[Told]:
        score, at, name = float(verdicts.joint[row]), int(batch.observed_at[row]), self.directory.devices[device]
        change = Change(int(verdicts.joint_change[row]))
        text = reasons.together(change)
        if STATES[change] is State.CLOSED:
            if device in self.joint:  # a detector of the user's calmed down before another did
                yield Told(row, self._calmed(self.joint, device, device, at, text))
            return
        opened = self.joint.get(device) or self._cause(device, at)
        state = State.UPDATE if opened else State.OPEN
        opened = opened or Open(identity(name, "", Kind.JOINT, at), Kind.JOINT, score, at)
        self.joint[device] = opened
        is_worst = score >= opened.score
        opened.score = max(opened.score, score)
        opened.show("", text, is_main=is_worst)
        yield Told(row, self._told(opened, state, device, at, text, is_main=is_worst))

    def _calmed(  # noqa: PLR0913, PLR0917 - as many as a message has parts
        self, table: dict[int, Open], key: int, device: int, at: int, text: str, numbers: Numbers = NOTHING
    ) -> Incident:
        """It is over, or over on this stream only, or on all sensors together."""
        opened, by = self._calm(table, key, device), key if table is self.streams else None
        is_over = not self._is_shown(opened, device)
        state = State.CLOSED if is_over else State.UPDATE
        return self._told(opened, state, device, at, text, numbers=numbers, by=by, is_main=is_over)

    def dumps(self) -> str:
        """All open incidents, as JSON."""
        opened = {each.id: asdict(each) for each in self.opened()}
        shown = [[[key, each.id] for key, each in table.items()] for table in (self.streams, self.joint)]
        closed = [[device, list(each.items())] for device, each in self.closed.items()]
        missed = list(self.missed.items())
        return json.dumps({"open": list(opened.values()), "shown": shown, "closed": closed, "missed": missed})

    def loads(self, body: str) -> None:
        """Restore what `dumps` saved."""
        saved = json.loads(body)
        opened = {each["id"]: Open(**each) for each in saved["open"]}
        self.streams, self.joint = ({key: opened[id_] for key, id_ in table} for table in saved["shown"])
        self.closed = {device: dict(each) for device, each in saved["closed"]}
        self.missed = dict(saved["missed"])


STATES = {
    Change.OPEN: State.OPEN,
    Change.ESCALATE: State.UPDATE,
    Change.CLOSED: State.CLOSED,
    Change.ADOPTED: State.CLOSED,
    Change.TURNED: State.CLOSED,
}
