"""What changes state and holds no readings."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from gateway.records.readings import Batch


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
    """A person's word on an incident; on every open incident of the device where `incident` is None.

    In the log it says which `sensors` showed the incident, "" for all together, or that the device's silence was it:
    where the log is folded under other rules the same thing may have another id.
    """

    at: int
    device: str
    incident: str | None
    verdict: Verdict
    sensors: tuple[str, ...] = ()
    is_silence: bool = False


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
