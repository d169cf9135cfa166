"""Verdicts to incidents: opened at a score of 0.5, updated when it grows, closed with hysteresis."""

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

from gateway.alarms import reasons
from gateway.learning.directory import Directory
from gateway.learning.fleet import Silence
from gateway.records import Batch, Incident, Kind, State, Verdicts

OPENS_AT = 0.5
CALM_BELOW = 0.4
"""Lower than `OPENS_AT`, so that a score around the threshold does not open and close by turns."""

ESCALATES_BY = 0.1
"""An update is told when the score has grown by this much since the last one."""

SEVERITIES = ((0.8, "critical"), (0.65, "high"), (0.0, "medium"))


@dataclass(slots=True)
class Open:
    """What is remembered of an incident while it is open."""

    id: str
    kind: int
    score: float
    told: float
    started_at: int
    calm: int = 0


class Change(NamedTuple):
    """An incident's change and the row of the batch that caused it, None where no reading did."""

    row: int | None
    incident: Incident


class Incidents:
    """All open incidents of a shard: at most one per stream, and one per silent device."""

    def __init__(self, directory: Directory, close_after: int) -> None:
        self.directory = directory
        self.close_after = close_after
        self.streams: dict[int, Open] = {}
        self.silent: dict[int, Open] = {}

    def __len__(self) -> int:
        return len(self.streams) + len(self.silent)

    def is_open(self, device: int) -> bool:
        """Whether anything is open on the device."""
        return device in self.silent or any(row in self.streams for row in self.directory.rows_of[device])

    def learn_many(self, batch: Batch, verdicts: Verdicts) -> list[Change]:
        """What changes with each reading, in order."""
        changes: list[Change] = []
        devices = self.directory.device_of
        interesting = verdicts.score >= OPENS_AT
        for row in range(len(batch)):
            stream = int(batch.stream[row])
            if verdicts.is_stale[row]:
                continue
            if devices[stream] in self.silent:
                changes.append(self._heard(devices[stream], batch, row))
            if interesting[row] or stream in self.streams:
                changes.extend(self._judged(stream, batch, verdicts, row))
        return changes

    def fall_silent(self, silences: Iterable[Silence], at: int) -> list[Change]:
        """Open an incident for each device that fell silent."""
        changes = []
        for device, last_at, score in silences:
            name = self.directory.devices[device]
            opened = Open(_id(name, "", Kind.SILENT, last_at), Kind.SILENT, score, score, last_at)
            self.silent[device] = opened
            text = reasons.silence(at - last_at)
            changes.append(Change(None, _incident(opened, State.OPEN, (name, None), at, text)))
        return changes

    def _heard(self, device: int, batch: Batch, row: int) -> Change:
        opened = self.silent.pop(device)
        at = int(batch.received_at[row])
        text = f"Heard again after {reasons.duration((at - opened.started_at) / 1e9)}."
        return Change(row, _incident(opened, State.CLOSED, (self.directory.devices[device], None), at, text))

    def _judged(self, stream: int, batch: Batch, verdicts: Verdicts, row: int) -> list[Change]:
        score, kind, at = float(verdicts.score[row]), int(verdicts.kind[row]), int(batch.observed_at[row])
        opened = self.streams.get(stream)
        if opened is None:
            device, sensor = self.directory.streams[stream]
            opened = Open(_id(device, sensor, kind, at), kind, score, score, at)
            self.streams[stream] = opened
            return [self._tell(State.OPEN, stream, batch, verdicts, row)]
        opened.calm = opened.calm + 1 if score < CALM_BELOW else 0
        if opened.calm >= self.close_after:
            told = self._tell(State.CLOSED, stream, batch, verdicts, row)
            del self.streams[stream]
            return [told]
        if score >= opened.told + ESCALATES_BY:
            opened.score = opened.told = score
            opened.kind = kind
            return [self._tell(State.UPDATE, stream, batch, verdicts, row)]
        return []

    def _tell(self, state: State, stream: int, batch: Batch, verdicts: Verdicts, row: int) -> Change:
        opened = self.streams[stream]
        device, sensor = self.directory.streams[stream]
        told = None if opened.kind == Kind.JOINT else sensor
        value, at = float(batch.value[row]), int(batch.observed_at[row])
        expected, lower, upper = (float(column[row]) for column in (verdicts.expected, verdicts.lower, verdicts.upper))
        text = (
            f"{sensor} is back to what is expected of it."
            if state is State.CLOSED
            else reasons.reason(Kind(opened.kind), told, value, lower, upper)
        )
        numbers = (value, expected, lower, upper)
        return Change(row, _incident(opened, state, (device, told), at, text, numbers))

    def dumps(self) -> str:
        """All open incidents, as JSON."""
        return json.dumps(
            [[[key, asdict(value)] for key, value in table.items()] for table in (self.streams, self.silent)]
        )

    def loads(self, body: str) -> None:
        """Restore what `dumps` saved."""
        tables = json.loads(body)
        self.streams, self.silent = ({key: Open(**value) for key, value in table} for table in tables)


def _id(device: str, sensor: str, kind: int, started_at: int) -> str:
    """The same for the same cause: a repeat after a crash is recognisably the same message."""
    return hashlib.sha256(json.dumps([device, sensor, int(kind), started_at]).encode()).hexdigest()[:16]


def _incident(  # noqa: PLR0913, PLR0917 - as many as a message has parts
    opened: Open,
    state: State,
    name: tuple[str, str | None],
    at: int,
    text: str,
    numbers: Sequence[float] = (math.nan,) * 4,
) -> Incident:
    device, sensor = name
    value, expected, lower, upper = (None if math.isnan(number) else number for number in numbers)
    severity = next(name for bound, name in SEVERITIES if opened.score >= bound)
    return Incident(
        opened.id, state, device, sensor, Kind(opened.kind), severity, opened.score,
        opened.started_at, at, value, expected, lower, upper, text,
    )  # fmt: skip
