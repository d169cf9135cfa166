"""Verdicts to incidents: who is told what, once per cause."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import NamedTuple

import numpy as np

from gateway.alarms import reasons
from gateway.alarms.opened import Open, Told, identity, incident
from gateway.alarms.silences import Silences
from gateway.learning.directory import Directory
from gateway.records import Batch, Change, Feedback, Incident, Kind, State, Verdict, Verdicts

REMEMBERED = 20
"""Closed incidents of a device that a person may still say something of."""


class Named(NamedTuple):
    """What a person's word is on: streams with an incident, open or closed lately, and a silence."""

    streams: list[int]
    is_together: bool
    is_silence: bool

    @property
    def is_known(self) -> bool:
        """Whether there is such an incident."""
        return bool(self.streams) or self.is_together or self.is_silence

    def is_on_sensors(self, entry: Feedback) -> bool:
        """Whether it is on an incident of what the device said, and not on its silence, alone or with others."""
        return entry.incident is not None and (bool(self.streams) or self.is_together)


class Incidents:
    """All open incidents of a shard: at most one per stream, one per device's sensors together, and the silences."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.streams: dict[int, Open] = {}
        self.joint: dict[int, Open] = {}
        self.silences = Silences(directory)
        self.closed: dict[int, dict[str, int | None]] = {}

    def __len__(self) -> int:
        return len(self.streams) + len(self.joint) + len(self.silences)

    def learn_many(self, batch: Batch, verdicts: Verdicts) -> list[Told]:
        """What changes with each reading, in order."""
        return [told for row in self._interesting(batch, verdicts) for told in self._learn_one(batch, verdicts, row)]

    def _interesting(self, batch: Batch, verdicts: Verdicts) -> list[int]:
        """Rows that may change something; on a quiet day, none."""
        is_it = (verdicts.change >= Change.OPEN) | (verdicts.joint_change >= Change.OPEN)
        if self.silences:
            is_it |= np.isin(np.array(self.directory.device_of)[batch.stream], [*self.silences.devices()])
        return np.flatnonzero(is_it & ~verdicts.is_stale).tolist()

    def _learn_one(self, batch: Batch, verdicts: Verdicts, row: int) -> Iterable[Told]:
        stream = int(batch.stream[row])
        device = self.directory.device_of[stream]
        if device in self.silences:
            yield from self._heard(device, int(batch.received_at[row]), row)
        change = Change(int(verdicts.change[row]))
        if change in STATES:
            yield self._judged(stream, change, batch, verdicts, row)
        if verdicts.joint_change[row] in STATES:
            yield from self._judged_together(device, batch, verdicts, row)

    def named(self, entry: Feedback) -> Named:
        """What this word is on; a device has no say over the incidents of another."""
        device = self.directory.device_row(entry.device)
        if device is None:
            return Named([], is_together=False, is_silence=False)
        streams = [row for row in self.directory.rows_of[device] if _is_meant(entry, self.streams.get(row))]
        closed = self.closed.get(device, {})
        late = [
            row for id_, row in closed.items() if id_ == entry.incident and row is not None and row not in self.streams
        ]
        is_together = _is_meant(entry, self.joint.get(device)) or entry.incident in closed
        has_ended = self.silences.has_ended(device, entry.incident)
        is_silence = _is_meant(entry, self.silences.opened(device)) or has_ended
        return Named([*streams, *late], is_together, is_silence)

    def standing(self, device: int) -> list[Incident]:
        """What is open of this device, the worst first, as it was told last."""
        name, found = self.directory.devices[device], list[tuple[Open | None, str | None]]()
        found += ((self.streams.get(row), self.directory.streams[row][1]) for row in self.directory.rows_of[device])
        found += [(self.joint.get(device), None), (self.silences.opened(device), None)]
        is_open = [(opened, sensor) for opened, sensor in found if opened is not None]
        return [
            incident(opened, State.UPDATE, (name, sensor), opened.started_at, opened.reason)
            for opened, sensor in sorted(is_open, key=lambda each: (-each[0].score, each[0].started_at))
        ]

    def heed(self, entry: Feedback, changes: Mapping[int, int]) -> list[Told]:
        """Tell what a person's word did: `changes` holds the `Change` of each stream it was on."""
        device = self.directory.device_row(entry.device)
        if device is None:
            return []
        told = [
            self._answer(self.streams, row, device, entry, is_over=change != Change.NONE)
            for row, change in changes.items()
            if row in self.streams
        ]
        is_over = entry.verdict is not Verdict.FAULT
        if _is_meant(entry, self.joint.get(device)):
            told.append(self._answer(self.joint, device, device, entry, is_over=is_over))
        if _is_meant(entry, self.silences.opened(device)):
            told += self.silences.heed(device, entry)
        return told

    def _answer(self, table: dict[int, Open], key: int, device: int, entry: Feedback, *, is_over: bool) -> Told:
        stream = key if table is self.streams else None
        opened = self._close(table, key, device, stream) if is_over else table[key]
        name = (entry.device, None) if stream is None else self.directory.streams[stream]
        state = State.CLOSED if is_over else State.UPDATE
        return Told(None, incident(opened, state, name, entry.at, reasons.heeded(entry.verdict)))

    def _close(self, table: dict[int, Open], key: int, device: int, stream: int | None = None) -> Open:
        opened = table.pop(key)
        closed = self.closed.setdefault(device, {})
        while len(closed) >= REMEMBERED:
            del closed[next(iter(closed))]
        closed[opened.id] = stream
        return opened

    def rename(self, ids: Mapping[str, str]) -> None:
        """Call what is open under these ids by others from now on."""
        for opened in [*self.streams.values(), *self.joint.values(), *self.silences.incidents()]:
            opened.id = ids.get(opened.id, opened.id)

    def _heard(self, device: int, at: int, row: int) -> Iterator[Told]:
        for told in self.silences.heard(device, at):
            yield told._replace(row=row)

    def adopt(self, other: "Incidents", rows: Mapping[int, int], devices: Mapping[int, int]) -> None:
        """Take over the incidents of devices of another; `rows` and `devices` say which are which here."""
        self.streams |= {rows[row]: opened for row, opened in other.streams.items() if row in rows}
        self.joint |= {devices[row]: opened for row, opened in other.joint.items() if row in devices}
        for device, here in devices.items():
            if device in other.closed:
                closed = other.closed[device].items()
                self.closed[here] = {id_: None if row is None else rows[row] for id_, row in closed}

    def _judged(self, stream: int, change: Change, batch: Batch, verdicts: Verdicts, row: int) -> Told:
        device, sensor = self.directory.streams[stream]
        score, kind, at = float(verdicts.score[row]), int(verdicts.kind[row]), int(batch.observed_at[row])
        if change is Change.OPEN:
            opened = self.streams[stream] = Open(identity(device, sensor, kind, at), kind, score, at)
        elif change is Change.ESCALATE:
            opened = self.streams[stream]
            opened.score, opened.kind = score, kind
        else:
            opened = self._close(self.streams, stream, self.directory.device_of[stream], stream)
        numbers, unit = _numbers(batch, verdicts, row), self.directory.units.get(stream, "")
        text = _reason(change, Kind(opened.kind), sensor, numbers, unit, verdicts, row)
        return Told(row, incident(opened, STATES[change], (device, sensor), at, text, numbers=numbers))

    def _judged_together(self, device: int, batch: Batch, verdicts: Verdicts, row: int) -> Iterable[Told]:
        score, at, name = float(verdicts.joint[row]), int(batch.observed_at[row]), self.directory.devices[device]
        change, opened = Change(int(verdicts.joint_change[row])), self.joint.get(device)
        state = STATES[change]
        if state is State.CLOSED:
            if opened is None:  # a detector of the user's calmed down after another had
                return
            self._close(self.joint, device, device)
        elif opened is None:
            opened, state = Open(identity(name, "", Kind.JOINT, at), Kind.JOINT, score, at), State.OPEN
            self.joint[device] = opened
        else:
            opened.score, state = max(opened.score, score), State.UPDATE
        yield Told(row, incident(opened, state, (name, None), at, reasons.together(change)))

    def dumps(self) -> str:
        """All open incidents, as JSON."""
        opened = [[[key, asdict(value)] for key, value in table.items()] for table in (self.streams, self.joint)]
        closed = [[device, list(each.items())] for device, each in self.closed.items()]
        return json.dumps({"open": opened, "closed": closed})

    def loads(self, body: str) -> None:
        """Restore what `dumps` saved."""
        saved = json.loads(body)
        tables = ({key: Open(**value) for key, value in table} for table in saved["open"])
        self.streams, self.joint = tables
        self.closed = {device: dict(each) for device, each in saved["closed"]}


def _is_meant(entry: Feedback, opened: Open | None) -> bool:
    return opened is not None and entry.incident in (None, opened.id)


STATES = {
    Change.OPEN: State.OPEN,
    Change.ESCALATE: State.UPDATE,
    Change.CLOSED: State.CLOSED,
    Change.ADOPTED: State.CLOSED,
}


def _numbers(batch: Batch, verdicts: Verdicts, row: int) -> tuple[float, float, float, float]:
    expected, lower, upper = (float(column[row]) for column in (verdicts.expected, verdicts.lower, verdicts.upper))
    return float(batch.value[row]), expected, lower, upper


def _reason(  # noqa: PLR0913, PLR0917 - as many as a sentence has parts
    change: Change, kind: Kind, sensor: str, numbers: Sequence[float], unit: str, verdicts: Verdicts, row: int
) -> str:
    if change is Change.CLOSED:
        return reasons.over(sensor)
    if change is Change.ADOPTED:
        return reasons.adopted(sensor)
    period, counter = float(verdicts.period[row]), (float(verdicts.base[row]), float(verdicts.per_s[row]))
    if math.isnan(counter[0]):
        return reasons.reason(kind, sensor, numbers, period, unit)
    return reasons.counted(kind, sensor, numbers, counter, period, unit)
