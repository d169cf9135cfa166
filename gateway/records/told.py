"""What people and devices are told: incidents, how a device is, what is coming."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from gateway.records.verdicts import Kind, Nature


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
    numbers are None where they say nothing, the value is a text where the sensor sends texts.
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
    value: float | str | None
    expected: float | None
    lower: float | None
    upper: float | None
    reason: str
    devices: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()


class SensorState(NamedTuple):
    """The newest reading of a sensor, what was expected in its place, what both are counted in, and what it is.

    The numbers are None where nothing is known, the value is a text where the sensor sends texts.
    """

    value: float | str | None
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
