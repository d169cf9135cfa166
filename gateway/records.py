"""The vocabulary: what flows through the gateway.

Time is an `int` of nanoseconds since 1970 in UTC. Two clocks exist and both are named: `observed_at` is the
device's own, `received_at` the gateway's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

SECOND = 1_000_000_000
"""One second in the unit of every `*_at`."""


class Reason(StrEnum):
    """Why something a device sent was not accepted; the name under which it is counted."""

    TOPIC = "topic"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    BINARY = "binary"
    """Written in bytes (CBOR, Protobuf, encrypted) where text is read: its sender has to be set to JSON."""
    TYPE = "type"
    NOT_FINITE = "not_finite"
    TIME = "time"
    NAME = "name"
    TOO_MANY_SENSORS = "too_many_sensors"
    TOO_MANY_STREAMS = "too_many_streams"
    STALE = "stale"
    RETAINED = "retained"
    FEEDBACK = "feedback"
    REPEATED = "repeated"
    """Said again without being measured again."""
    NOT_LIVE = "not_live"
    """Simulated, or of a past that the device had stored."""
    IDENTITY = "identity"
    """The payload names another device than its topic."""
    BIRTH = "birth"
    """Its meaning was told when the device was born, and we were not listening."""
    MEMORY = "memory"
    """No room to remember what its dialect needs."""
    RATE = "rate"
    """More than one sender may take of us while others wait."""
    TOO_MANY_READINGS = "too_many_readings"
    """More in one message than is learned before it is acknowledged, and all after it."""
    TOO_MANY_NEW = "too_many_new"
    """More new streams within a minute than are let in."""


class Message(NamedTuple):
    """One MQTT message as it arrived.

    `receipt` identifies it to the connection for acknowledgement; None where none is due (QoS 0).
    """

    topic: str
    payload: bytes
    received_at: int
    receipt: tuple[int, int] | None = None
    is_retained: bool = False


class Reading(NamedTuple):
    """One value of one sensor, as decoded; `observed_at` and `unit` are None where the device sent none."""

    device: str
    sensor: str
    value: float
    observed_at: int | None
    unit: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Accepted readings in order of arrival, one per row of equally long columns.

    `stream` is the row number of the stream in its shard.
    """

    stream: Ints
    observed_at: Ints
    received_at: Ints
    value: Floats

    def __len__(self) -> int:
        return len(self.stream)

    def at(self, places: Ints) -> "Batch":
        """The readings at these positions."""
        return Batch(self.stream[places], self.observed_at[places], self.received_at[places], self.value[places])


@dataclass(frozen=True, slots=True)
class Tick:
    """The gateway's clock read `at`: lets silence be noticed."""

    at: int


@dataclass(frozen=True, slots=True)
class Resume:
    """The gateway could not listen until `at`: silence before it proves nothing.

    `leap` is by how much (ns) its clock was set at that moment, as far as it knows.
    """

    at: int
    leap: int = 0


class Verdict(StrEnum):
    """What a person says of an incident."""

    FALSE_ALARM = "false_alarm"
    """It was fine: the same is not to be told again."""
    FAULT = "fault"
    """It is broken: nothing of it is ever learned."""
    NEW_NORMAL = "new_normal"
    """It is meant to be like this from now on."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """A person's word on an incident; on every open incident of the device where `incident` is None."""

    at: int
    device: str
    incident: str | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Devices whose names match a shell pattern are being worked on `until` then: nothing is judged, nothing learned.

    An `until` that is not after `at` ends what was announced for the same pattern.
    """

    at: int
    devices: str
    until: int


@dataclass(frozen=True, slots=True)
class Described:
    """What the numbers of a sensor are counted in."""

    at: int
    device: str
    sensor: str
    unit: str


@dataclass(frozen=True, slots=True)
class Availability:
    """A device said, or the broker in its name, that it is there or gone."""

    at: int
    device: str
    is_online: bool


class Span(NamedTuple):
    """Readings of a device, or of all, observed in [since, until) ns."""

    device: str | None
    sensor: str | None = None
    since: int = -(2**63)
    until: int = 2**63 - 1

    def fits(self, device: str, sensor: str) -> bool:
        """Whether the stream is meant."""
        return self.device in {None, device} and self.sensor in {None, sensor}

    @property
    def is_all_time(self) -> bool:
        """Whether it is everything that the sensor, or the device, ever said."""
        return self.since == -(2**63) and self.until == 2**63 - 1

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left of the device."""
        return self.sensor is None and self.is_all_time


@dataclass(frozen=True, slots=True)
class Undone:
    """What a device, or all, said before this entry and observed in [since, until) is not to be learned.

    It is heeded where the log is folded; a shard that is given it does nothing.
    """

    at: int
    device: str | None
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Renewed:
    """From here on serves what was learned anew of all that stands before.

    `ids` says under which ids people know what is open in it under others of its own.
    """

    at: int
    ids: Mapping[str, str]


Event: TypeAlias = Tick | Resume | Feedback | Maintenance | Described | Availability | Undone | Renewed
"""What changes state and holds no readings."""

Entry: TypeAlias = Batch | Event
"""Whatever changes state, as it stands in the log."""


class Kind(IntEnum):
    """What the evidence against a reading says; stored as a number, published as the lower-case name."""

    NONE = 0
    SPIKE = 1
    SHIFT = 2
    SPREAD = 3
    RANGE = 4
    STUCK = 5
    SILENT = 6
    JOINT = 7


class Nature(IntEnum):
    """What a sensor is, and so what is learned of it; stored as a number, shown as the lower-case name."""

    VALUE = 0
    """Its value."""
    COUNTER = 1
    """How fast it rises: energy, litres, packets."""
    STATE = 2
    """How long it stays as it is, and when it changes: a door, a motion detector, a mode."""


class Change(IntEnum):
    """What a reading did to the incident of its stream."""

    NONE = 0
    NOTICE = 1
    """Suspicious, within the budget: for the log, not for people."""
    OPEN = 2
    ESCALATE = 3
    CLOSED = 4
    ADOPTED = 5
    """It has lasted so long that it is the new normal."""


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """What the learners say of each reading of a batch, before they learned it; columns as long as the batch.

    `score` is in [0, 1], 0.5 and above is worth an alarm. `expected`, `lower` and `upper` are in the unit of the
    reading, NaN while nothing can be said. `kind` holds the strongest `Kind` of evidence, `change` the `Change` of the
    stream's incident, `period` the log10 of the seconds that usually pass between two as odd as this one. `joint` is
    the score of all sensors of the device together, or of a detector the user chose, NaN where neither says anything,
    and `joint_change` the `Change` of the incident of either. `nature` is the `Nature` of the stream. Of a counter
    `base` is the last value and `span_s` the seconds since. Of a state `span_s` are the seconds it has lasted, and
    `base` those that it lasted at most, or in a rest how often that usually ends meanwhile. Of others both are NaN.
    """

    score: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    kind: npt.NDArray[np.uint8]
    is_stale: npt.NDArray[np.bool_]
    change: npt.NDArray[np.uint8]
    period: Floats
    joint: Floats
    joint_change: npt.NDArray[np.uint8]
    nature: npt.NDArray[np.uint8]
    base: Floats
    span_s: Floats

    def at(self, places: Ints) -> "Verdicts":
        """What is said at these positions."""
        return Verdicts(*(column[places] for _, column in self.columns()))

    def columns(self) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        """Name and column of everything said."""
        return ((name, getattr(self, name)) for name in self.__slots__)


def blank_verdicts(count: int) -> Verdicts:
    """Nothing said of `count` readings."""
    return Verdicts(
        score=np.zeros(count),
        expected=np.full(count, np.nan),
        lower=np.full(count, np.nan),
        upper=np.full(count, np.nan),
        kind=np.zeros(count, np.uint8),
        is_stale=np.zeros(count, np.bool_),
        change=np.zeros(count, np.uint8),
        period=np.zeros(count),
        joint=np.full(count, np.nan),
        joint_change=np.zeros(count, np.uint8),
        nature=np.zeros(count, np.uint8),
        base=np.full(count, np.nan),
        span_s=np.full(count, np.nan),
    )


class State(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    UPDATE = "update"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Incident:
    """One change of an incident, as it is told to the device.

    `sensor` is the one that showed it first, None for what concerns the whole device (silent, joint); `sensors` are
    those that show it now. `device` is empty for an outage, which is that of all `devices`. `score` is in [0, 1]. The
    numbers are None where they say nothing.
    """

    id: str
    state: State
    device: str
    sensor: str | None
    kind: Kind
    severity: str
    score: float
    started_at: int
    at: int
    value: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    reason: str
    devices: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()


class SensorState(NamedTuple):
    """The newest reading of a sensor, what was expected in its place, what both are counted in, and what it is.

    The numbers are None where nothing is known.
    """

    value: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    unit: str
    nature: Nature


@dataclass(frozen=True, slots=True)
class DeviceState:
    """How a device is: `incident` is the worst of the `open_count` that are open, `score` the highest of its sensors.

    `at` is the time of its newest reading by its own clock; `score` and `at` are None until there is one.
    """

    device: str
    at: int | None
    incident: Incident | None
    open_count: int
    score: float | None
    is_maintained: bool
    sensors: dict[str, SensorState]


@dataclass(frozen=True, slots=True)
class Crossing:
    """When one sensor reaches a limit that the user set, if it goes on as it does; all moments in ns."""

    device: str
    sensor: str
    limit: float
    reached_at: int
    earliest: int
    latest: int
    reason: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one sensor will read at `due_at`; `lower` to `upper` holds it with probability `coverage`."""

    device: str
    sensor: str
    made_at: int
    due_at: int
    expected: float
    lower: float
    upper: float
    coverage: float
